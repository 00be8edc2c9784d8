namespace TdpMmu.Verification;

/// <summary>The right to write is taken away.</summary>
internal sealed class WriteProtectRange : MachineOperation
{
    internal override string Name => "write-protect";

    internal override string Summary => "two frames are write-protected in a way that fast faults may undo";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped];

    internal override void Run(CheckedMachine machine, int thread, int vcpu) => machine.WriteProtect(new GfnRange(new Gfn(0), 2));
}
