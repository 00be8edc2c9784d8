namespace TdpMmu.Concurrency;

/// <summary>
/// A mutual-exclusion lock on one 32-bit word: one compare-and-swap when free, a short spin and then parking when not.
/// </summary>
/// <remarks>Not recursive and not fair. The word is 0 when free, 1 when held, 2 when held and somebody may be parked.</remarks>
public readonly struct ParkingLock
{
    private const int Spins = 64;
    private readonly AtomicInt _word;

    /// <summary>Makes a lock of a zeroed word.</summary>
    /// <param name="word">The word, which nothing else uses.</param>
    public ParkingLock(AtomicInt word) => _word = word;

    /// <summary>Whether somebody may be parked for the lock.</summary>
    public bool IsContended => Atomics.LoadRelaxed(_word) == 2;

    /// <summary>Takes the lock if it is free.</summary>
    public bool TryEnter() => Atomics.CompareExchange(_word, 1, 0) == 0;

    /// <summary>Waits for the lock and takes it.</summary>
    public void Enter()
    {
        var past = Past.Begin();
        if (!TryEnter())
        {
            EnterContended();
        }

        past.Forget();
    }

    /// <summary>Gives the lock back.</summary>
    public void Exit()
    {
        var past = Past.Begin();
        if (Atomics.Exchange(_word, 0) == 2)
        {
            Atomics.Wake(_word, 1);
        }

        past.Forget();
    }

    internal void EnterContended()
    {
        for (var spin = Atomics.SpinRounds(Spins); spin > 0; spin--)
        {
            Atomics.SpinHint();
            if (Atomics.LoadRelaxed(_word) == 0 && TryEnter())
            {
                return;
            }
        }

        // From here on the word says 2 when this thread gets the lock, because it cannot know whether others are parked.
        var past = Past.Begin();
        while (Atomics.Exchange(_word, 2) != 0)
        {
            Atomics.Park(_word, 2);
            past.Forget();
        }
    }
}
