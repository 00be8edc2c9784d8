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
        catch (ArgumentException) when (machine.ExpectsDeletion)
        {
            // The slot is gone.
        }
        catch (InvalidOperationException) when (machine.MayFindNoLog)
        {
            // The log was stopped, or is not started yet.
        }
    }
}
