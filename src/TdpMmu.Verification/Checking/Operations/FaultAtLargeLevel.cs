namespace TdpMmu.Verification;

/// <summary>A read that is mapped by a large leaf.</summary>
internal sealed class FaultAtLargeLevel : GuestOperation
{
    internal override string Name => "fault-large";

    internal override string Summary => "a guest reads a frame that a large leaf can map";

    internal override IReadOnlyList<StartState> Starts => [StartState.LargePossible];

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => machine.Load(vcpu, 1);
}
