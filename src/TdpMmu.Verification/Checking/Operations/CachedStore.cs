namespace TdpMmu.Verification;

/// <summary>Two writes to a frame, the second through the translation that the first has cached.</summary>
internal sealed class CachedStore : GuestOperation
{
    internal override string Name => "cached-store";

    internal override string Summary => "a guest writes a frame twice: the second time through a cached translation";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.Logged];

    internal override void Declare(CheckedMachine machine, int thread)
    {
        machine.Values.GuestWrites(0, ValueOf(thread));
        machine.Values.GuestWrites(0, ValueOf(thread) + 0x100);
    }

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu)
    {
        machine.Store(vcpu, 0, ValueOf(thread));
        machine.Store(vcpu, 0, ValueOf(thread) + 0x100);
    }
}
