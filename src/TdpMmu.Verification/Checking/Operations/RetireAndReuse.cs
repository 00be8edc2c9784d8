namespace TdpMmu.Verification;

/// <summary>A table is cut off and retired, and the next fault takes one from the pool: perhaps the same.</summary>
internal sealed class RetireAndReuse : MachineOperation
{
    internal override string Name => "retire-reuse";

    internal override string Summary => "a guest zaps a whole table and faults on another one: the first is retired and may be used again";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped];

    internal override bool IsGuest => true;

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        machine.Zap(new GfnRange(new Gfn(0), 4));
        machine.Run(vcpu, running => machine.Load(running, 4));
    }
}
