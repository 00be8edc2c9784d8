namespace TdpMmu.Verification;

/// <summary>A guest uses frames that a slot may or may not have yet.</summary>
internal sealed class GuestInNewSlot : GuestOperation
{
    internal override string Name => "load-new-slot";

    internal override string Summary => "a guest reads frames that are no memory until a slot is added";

    internal override IReadOnlyList<StartState> Starts => [StartState.TableThere];

    internal override void Declare(CheckedMachine machine, int thread)
    {
        foreach (var frame in (ReadOnlySpan<ulong>)[8, 12])
        {
            machine.Values.MayReset(frame);
            machine.Values.Writes(frame, CheckedMachine.FreshValue(8));
        }
    }

    protected override void Run(CheckedMachine machine, int thread, Vcpu vcpu)
    {
        machine.Load(vcpu, 8);
        machine.Load(vcpu, 12);
    }
}
