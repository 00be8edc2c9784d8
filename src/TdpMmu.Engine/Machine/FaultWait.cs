namespace TdpMmu.Machine;

/// <summary>What a fault that found an invalidation or a deletion in its way waits for, outside windows and sections.</summary>
/// <remarks>
/// Waits are short and repeated: whoever waits looks again at everything, and at whether it is to stop.
/// </remarks>
internal readonly struct FaultWait
{
    private const long LimitNanoseconds = 1_000_000;

    private readonly Readiness _readiness;
    private readonly int _place;
    private readonly ulong _value;

    internal FaultWait(Readiness readiness, ref FaultContext context)
    {
        _readiness = readiness;
        _place = context.Place;
        _value = readiness == Readiness.Deleting ? context.Generation : context.Phase;
    }

    internal void Await(MachineCore core)
    {
        if (_readiness == Readiness.Invalidating)
        {
            core.Ranges.AwaitEnd(_place, _value, LimitNanoseconds);
        }
        else if (_readiness == Readiness.Deleting)
        {
            core.Slots.AwaitChange(_value, LimitNanoseconds);
        }
    }
}
