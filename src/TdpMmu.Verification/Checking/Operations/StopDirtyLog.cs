namespace TdpMmu.Verification;

/// <summary>Dirty logging is stopped.</summary>
internal sealed class StopDirtyLog : MachineOperation
{
    internal override string Name => "stop-dirty-log";

    internal override string Summary => "dirty logging of the slot is stopped";

    internal override IReadOnlyList<StartState> Starts => [StartState.Logged];

    internal override void Declare(CheckedMachine machine, int thread) => machine.DeclareStop();

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        try
        {
            machine.StopDirtyLog();
        }
        catch (ArgumentException) when (machine.ExpectsDeletion)
        {
            // The slot is gone.
        }
    }
}
