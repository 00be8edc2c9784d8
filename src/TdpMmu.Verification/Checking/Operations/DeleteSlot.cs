namespace TdpMmu.Verification;

/// <summary>The slot that everybody uses is deleted, and its pages given back.</summary>
internal sealed class DeleteSlot : MachineOperation
{
    internal override string Name => "delete-slot";

    internal override string Summary => "the slot is deleted, and the host takes its pages";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.Missing];

    internal override void Declare(CheckedMachine machine, int thread)
    {
        machine.DeclareDeletion();
        for (var page = 0UL; page < 8; page++)
        {
            machine.Values.MayReset(page);
        }
    }

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        try
        {
            machine.DeleteSlot(machine.Slot);
        }
        catch (ArgumentException) when (machine.ExpectsSecondDeletion)
        {
            // Another thread has deleted it.
        }
    }
}
