namespace TdpMmu.Verification;

/// <summary>A read of a page that is not there, which the faulting thread brings in.</summary>
internal sealed class FaultOnMissingPage : GuestOperation
{
    internal override string Name => "fault-missing-page";

    internal override string Summary => "a guest reads a page that has to be brought in by its own thread";

    internal override IReadOnlyList<StartState> Starts => [StartState.Missing];

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => machine.Load(vcpu, 0);
}
