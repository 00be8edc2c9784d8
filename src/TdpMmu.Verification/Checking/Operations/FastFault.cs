namespace TdpMmu.Verification;

/// <summary>A write to a frame that is only write-protected.</summary>
internal sealed class FastFault : GuestOperation
{
    internal override string Name => "fast-fault";

    internal override string Summary => "a guest writes a frame that was write-protected and may be written";

    internal override IReadOnlyList<StartState> Starts => [StartState.Protected, StartState.ProtectedFirmly];

    internal override void Declare(CheckedMachine machine, int thread) => machine.Values.GuestWrites(0, ValueOf(thread));

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => StoreAndLoad(machine, thread, vcpu, 0);
}
