namespace TdpMmu.Verification;

/// <summary>A slot is added behind the one that is there.</summary>
internal sealed class AddSlot : MachineOperation
{
    internal override string Name => "add-slot";

    internal override string Summary => "a slot is added while others are in use";

    internal override IReadOnlyList<StartState> Starts => [StartState.TableThere];

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        // Two of them side by side take different frames.
        _ = machine.AddSlot(8 + (4 * (ulong)(thread & 1)), 4, firstPage: 8, small: true);
    }
}
