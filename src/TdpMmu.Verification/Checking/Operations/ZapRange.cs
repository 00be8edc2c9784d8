namespace TdpMmu.Verification;

/// <summary>Mappings of a part of a table are taken away.</summary>
internal sealed class ZapRange : MachineOperation
{
    internal override string Name => "zap";

    internal override string Summary => "the mappings of two frames are taken away; their table stays";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.MappedLarge];

    internal override void Run(CheckedMachine machine, int thread, int vcpu) => machine.Zap(new GfnRange(new Gfn(0), 2));
}
