namespace TdpMmu.Verification;

/// <summary>A write to a frame whose table is there and whose entry is not.</summary>
internal sealed class FaultOnPresentTable : GuestOperation
{
    internal override string Name => "fault-present-table";

    internal override string Summary => "a guest writes a frame that is not mapped, in a page table that exists";

    internal override IReadOnlyList<StartState> Starts => [StartState.TableThere];

    internal override void Declare(CheckedMachine machine, int thread) => machine.Values.GuestWrites(0, ValueOf(thread));

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu) => StoreAndLoad(machine, thread, vcpu, 0);
}
