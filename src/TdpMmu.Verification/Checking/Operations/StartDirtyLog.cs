namespace TdpMmu.Verification;

/// <summary>Dirty logging is started.</summary>
internal sealed class StartDirtyLog : MachineOperation
{
    internal override string Name => "start-dirty-log";

    internal override string Summary => "dirty logging of the slot is started";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped, StartState.MappedLarge];

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        try
        {
            machine.StartDirtyLog();
        }
        catch (ArgumentException) when (machine.ExpectsDeletion)
        {
            // The slot is gone.
        }
    }
}
