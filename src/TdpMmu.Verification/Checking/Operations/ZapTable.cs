namespace TdpMmu.Verification;

/// <summary>A whole table is cut off.</summary>
internal sealed class ZapTable : MachineOperation
{
    internal override string Name => "zap-table";

    internal override string Summary => "the mappings of a whole table are taken away; the table is unlinked and retired";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped];

    internal override void Run(CheckedMachine machine, int thread, int vcpu) => machine.Zap(new GfnRange(new Gfn(0), 4));
}
