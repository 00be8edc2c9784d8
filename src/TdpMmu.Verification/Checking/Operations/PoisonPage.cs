namespace TdpMmu.Verification;

/// <summary>The source of a missing page is gone.</summary>
internal sealed class PoisonPage : MachineOperation
{
    internal override string Name => "poison-page";

    internal override string Summary => "the source of a missing page is found dead, and the page poisoned";

    internal override IReadOnlyList<StartState> Starts => [StartState.Missing];

    internal override void Declare(CheckedMachine machine, int thread)
    {
        machine.DeclareLoss();
        machine.Values.MayReset(0);
    }

    internal override void Run(CheckedMachine machine, int thread, int vcpu) => machine.Memory.States.PoisonMissing(0, 1);
}
