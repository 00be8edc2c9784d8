namespace TdpMmu.Concurrency;

/// <summary>
/// Counts who is inside an object that is going to be disposed, refuses newcomers once it is closed, and waits for the rest to leave.
/// </summary>
/// <remarks>
/// Thread-safe. The word outlives whatever is disposed: it is freed by the finaliser, when nobody can call any more.
/// </remarks>
internal sealed unsafe class Admission
{
    private const uint Closed = 1u << 31;

    // SAFETY: allocated here, freed by the finaliser only, so every caller that still has this object may use it.
    private readonly AtomicsController? _allocator = Atomics.IsControllable ? Atomics.AttachedController : null;
    private readonly void* _memory = NativeBlock.AllocateUncounted(NativeBlock.LineBytes, NativeBlock.LineBytes);

#pragma warning disable MA0055 // There is no moment at which somebody could dispose it: the last caller may come at any time.
    ~Admission() => NativeBlock.FreeUncounted(_memory, NativeBlock.LineBytes, _allocator);
#pragma warning restore MA0055

    internal bool IsClosed => (Atomics.LoadAcquire(Word) & Closed) != 0;

    /// <summary>The counter and its mark.</summary>
    internal AtomicInt Word => new(_memory);

    /// <summary>Enters, unless it is closed.</summary>
    internal bool TryEnter()
    {
        // Counted first: the closer either sees this thread inside, or this thread sees the mark and leaves.
        if ((Atomics.Add(Word, 1) & Closed) == 0)
        {
            return true;
        }

        Leave();
        return false;
    }

    internal void Leave()
    {
        if (Atomics.Add(Word, uint.MaxValue) == Closed)
        {
            Atomics.Wake(Word, int.MaxValue);
        }
    }

    /// <summary>Refuses newcomers from now on.</summary>
    /// <returns>False if another thread closed it first.</returns>
    internal bool TryClose() => (Atomics.Or(Word, Closed) & Closed) == 0;

    /// <summary>Waits until everybody has left.</summary>
    internal void AwaitEmpty()
    {
        for (var seen = Atomics.LoadAcquire(Word); seen != Closed; seen = Atomics.LoadAcquire(Word))
        {
            Atomics.Park(Word, seen);
        }
    }
}
