namespace TdpMmu.Concurrency;

/// <summary>Faults share, invalidations exclude: a reader-writer lock on one word, in which waiting writers go first.</summary>
/// <remarks>
/// Bit 0: a writer is inside. Bit 1: a thread may be parked. Bit 2: a writer wants to come in, and readers that arrive stay
/// outside until one has. Bits 3 and up: the number of readers. The mark of bit 2 is not that of bit 1, which is cleared
/// whenever everybody is woken: readers that happen to run would otherwise overtake a writer that is still waking up, for ever.
/// </remarks>
public readonly struct ReadWriteLock : IMmuLock<ReadWriteLock>
{
    private const uint Writer = 1;
    private const uint Waiting = 2;
    private const uint WriterComing = 4;
    private const uint Reader = 8;
    private const int Spins = 64;

    private readonly ParticipantTable _participants;
    private readonly AtomicInt _word;

    private ReadWriteLock(ParticipantTable participants)
    {
        _participants = participants;
        _word = participants.LockLines.LowHalf;
    }

    /// <inheritdoc/>
    public static string Name => "read-write";

    /// <inheritdoc/>
    public bool IsContended => (Atomics.LoadRelaxed(_word) & (Waiting | WriterComing)) != 0;

    /// <inheritdoc/>
    public static ReadWriteLock Create(ParticipantTable participants) => new(participants);

    /// <inheritdoc/>
    public void EnterShared(int participant)
    {
        var past = Past.Begin();
        if ((Atomics.Add(_word, Reader) & (Writer | WriterComing)) != 0)
        {
            LeaveShared(participant);
            EnterSharedContended(participant);
        }

        past.Forget();
    }

    /// <inheritdoc/>
    public void LeaveShared(int participant)
    {
        var past = Past.Begin();
        var now = Atomics.Add(_word, unchecked(0 - Reader));
        if ((now & Waiting) != 0 && now < Reader)
        {
            WakeAll();
        }

        past.Forget();
    }

    /// <inheritdoc/>
    public void EnterExclusive(int participant)
    {
        var past = Past.Begin();
        if (Atomics.CompareExchange(_word, Writer, 0) != 0)
        {
            EnterExclusiveContended(participant);
        }

        past.Forget();
    }

    /// <inheritdoc/>
    public void LeaveExclusive(int participant)
    {
        var past = Past.Begin();
        if ((Atomics.And(_word, ~Writer) & Waiting) != 0)
        {
            WakeAll();
        }

        past.Forget();
    }

    private void EnterSharedContended(int participant)
    {
        using var wait = new LockWait(_participants, participant);
        var past = Past.Begin();
        for (var spins = Atomics.SpinRounds(Spins); ; spins--)
        {
            past.Forget();
            var seen = Atomics.LoadAcquire(_word);
            if ((seen & (Writer | WriterComing)) == 0)
            {
                // A lost race means that the word moved; it is read again.
                if (Atomics.CompareExchange(_word, seen + Reader, seen) == seen)
                {
                    return;
                }
            }
            else if (spins > 0)
            {
                Atomics.SpinHint();
            }
            else if ((seen & Waiting) != 0 || Atomics.CompareExchange(_word, seen | Waiting, seen) == seen)
            {
                Atomics.Park(_word, seen | Waiting);
            }
        }
    }

    private void EnterExclusiveContended(int participant)
    {
        using var wait = new LockWait(_participants, participant);
        var past = Past.Begin();
        for (var spins = Atomics.SpinRounds(Spins); ; spins--)
        {
            past.Forget();
            var seen = Atomics.LoadAcquire(_word);
            if ((seen & ~(Waiting | WriterComing)) == 0)
            {
                // Other writers that still want to come in set their mark again.
                if (Atomics.CompareExchange(_word, (seen & Waiting) | Writer, seen) == seen)
                {
                    return;
                }
            }
            else if ((seen & WriterComing) == 0)
            {
                Atomics.CompareExchange(_word, seen | WriterComing, seen);
            }
            else if (spins > 0)
            {
                Atomics.SpinHint();
            }
            else if ((seen & Waiting) != 0 || Atomics.CompareExchange(_word, seen | Waiting, seen) == seen)
            {
                Atomics.Park(_word, seen | Waiting);
            }
        }
    }

    // Clears the mark and wakes everybody: who still cannot enter marks the word again before parking, and a thread that
    // parks on the old value is turned away by the comparison in Park.
    private void WakeAll()
    {
        Atomics.And(_word, ~Waiting);
        Atomics.Wake(_word, int.MaxValue);
    }
}
