namespace TdpMmu.Verification;

/// <summary>A read of a frame whose table is not there.</summary>
internal sealed class FaultOnMissingTable : GuestOperation
{
    internal override string Name => "fault-missing-table";

    internal override string Summary => "a guest reads a frame whose page table does not exist";

    internal override IReadOnlyList<StartState> Starts => [StartState.Unmapped];

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => machine.Load(vcpu, 0);
}
