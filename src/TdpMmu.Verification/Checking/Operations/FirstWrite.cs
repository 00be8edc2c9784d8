namespace TdpMmu.Verification;

/// <summary>The first write through a mapping that was only read: the walker sets the dirty bit. In a read-only slot: the write that must not be.</summary>
internal sealed class FirstWrite : GuestOperation
{
    internal override string Name => "first-write";

    internal override string Summary => "a guest writes a frame for the first time, and the walk sets the dirty bit; in a read-only slot the store is emulated";

    internal override IReadOnlyList<StartState> Starts => [StartState.MappedClean, StartState.ReadOnly];

    internal override void Declare(CheckedMachine machine, int thread) => machine.Values.GuestWrites(0, ValueOf(thread));

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => StoreAndLoad(machine, thread, vcpu, 0);
}
