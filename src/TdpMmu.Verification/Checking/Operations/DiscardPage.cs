namespace TdpMmu.Verification;

/// <summary>A page's contents are dropped.</summary>
internal sealed class DiscardPage : MachineOperation
{
    internal override string Name => "discard";

    internal override string Summary => "a page is given back to the host; the next access brings it in anew";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.Missing, StartState.LargePossible];

    internal override void Declare(CheckedMachine machine, int thread)
    {
        machine.Values.MayReset(machine.TakePage(thread));
    }

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        try
        {
            machine.Discard(machine.PageOf(thread), 1);
        }
        catch (GuestMemoryException) when (machine.ExpectsLoss)
        {
            // The slot is gone.
        }
    }
}
