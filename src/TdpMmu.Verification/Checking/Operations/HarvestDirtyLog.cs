namespace TdpMmu.Verification;

/// <summary>The dirty log is taken and the pages that it names are copied.</summary>
internal sealed class HarvestDirtyLog : MachineOperation
{
    internal override string Name => "harvest-dirty-log";

    internal override string Summary => "the dirty log is taken, and the pages that it names are copied";

    internal override IReadOnlyList<StartState> Starts => [StartState.Logged];

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        try
        {
            machine.HarvestDirtyLog();
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException)
        {
            // The slot is gone or the log was stopped.
        }
    }
}
