namespace TdpMmu.Verification;

/// <summary>The host replaces a page inside an invalidation.</summary>
internal sealed class InvalidateRange : MachineOperation
{
    internal override string Name => "invalidate";

    internal override string Summary => "an invalidation in which the host replaces a page";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.LargePossible];

    internal override void Declare(CheckedMachine machine, int thread)
    {
        var page = machine.TakePage(thread);
        machine.Values.Writes(page, ValueOf(thread));
        machine.Values.MayReset(page);
    }

    internal override void Run(CheckedMachine machine, int thread, int vcpu) =>
        machine.Invalidate(new GfnRange(new Gfn(0), 2), frame =>
        {
            if (frame == machine.PageOf(thread) && machine.Memory.States.IsPresent(frame) && !machine.ExpectsLoss)
            {
                machine.Replace(frame, ValueOf(thread));
            }
        });

    private static ulong ValueOf(int thread) => 0xb0 + (ulong)thread;
}
