namespace TdpMmu.Concurrency;

/// <summary>Measures one wait for a lock and adds it to the waiting participant's own counters.</summary>
public readonly ref struct LockWait
{
    private readonly ParticipantTable _participants;
    private readonly int _participant;
    private readonly long _start;

    /// <summary>Starts the measurement. Only a wait that really happens is measured: an uncontended lock reads no clock.</summary>
    /// <param name="participants">Where the counters are.</param>
    /// <param name="participant">Who waits.</param>
    public LockWait(ParticipantTable participants, int participant)
    {
        _participants = participants;
        _participant = participant;
        _start = Atomics.Now;
    }

    /// <summary>Ends the measurement.</summary>
    public void Dispose()
    {
        Increase(_participants.LockWaits(_participant), 1);
        Increase(_participants.LockWaitNanoseconds(_participant), (ulong)(Atomics.Now - _start));
    }

    // The participant's thread is the only writer, so a load and a store do.
    private static void Increase(AtomicWord word, ulong amount) => Atomics.StoreRelaxed(word, Atomics.LoadRelaxed(word) + amount);
}
