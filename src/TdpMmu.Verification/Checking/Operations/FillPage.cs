namespace TdpMmu.Verification;

/// <summary>A page is claimed, filled and published by a thread that is not the faulting one.</summary>
internal sealed class FillPage : MachineOperation
{
    internal override string Name => "fill-page";

    internal override string Summary => "a handler claims a missing page, fills it and publishes it";

    internal override IReadOnlyList<StartState> Starts => [StartState.Missing];

    internal override void Declare(CheckedMachine machine, int thread) => machine.DeclareFiller();

    internal override void Run(CheckedMachine machine, int thread, int vcpu) => machine.Fill(0);
}
