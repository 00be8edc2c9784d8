namespace TdpMmu.Verification;

/// <summary>A write to a frame that a large leaf maps: where small mappings are asked for meanwhile, the leaf is split.</summary>
internal sealed class SplitOnFault : GuestOperation
{
    internal override string Name => "store-large";

    internal override string Summary => "a guest writes a frame that a large leaf maps; where dirty logging has started, the leaf goes or is split";

    internal override IReadOnlyList<StartState> Starts => [StartState.MappedLarge, StartState.ProtectedLarge];

    internal override void Declare(CheckedMachine machine, int thread) => machine.Values.GuestWrites(2, ValueOf(thread));

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => StoreAndLoad(machine, thread, vcpu, 2);
}
