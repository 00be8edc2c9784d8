namespace TdpMmu.Verification;

/// <summary>The host writes guest memory.</summary>
internal sealed class HostWrite : MachineOperation
{
    internal override string Name => "host-write";

    internal override string Summary => "the host writes a page of the guest";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.Logged];

    internal override void Declare(CheckedMachine machine, int thread) => machine.Values.Writes(0, 0xc0 + (ulong)thread);

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        try
        {
            machine.Machine.Write(CheckedMachine.AddressOf(0), 0xc0 + (ulong)thread);
        }
        catch (GuestMemoryException) when (machine.ExpectsLoss)
        {
            // The slot is gone, or the page poisoned.
        }
    }
}
