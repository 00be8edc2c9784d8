using System.Runtime.CompilerServices;

namespace TdpMmu.Concurrency;

/// <summary>
/// Read-copy-update over announced sections: what was unlinked is freed only after every section that could have seen it
/// has been left.
/// </summary>
/// <remarks>
/// <para>Entering and leaving are one plain store each, on the participant's own line. The announcing store and the reads
/// inside the section may therefore be reordered by the processor (x86 lets a store pass later loads). The reclaiming side
/// makes up for it: it issues a process-wide fence between the unlinking of an object and its look at the announcements,
/// so a reader's announcement is visible to that look, or the reader's reads come after the unlinking.</para>
/// <para>Grace periods are numbered by one word: even when none runs, odd while one does. An object is due at the number
/// that the first grace period to begin after its retirement ends with.</para>
/// <para>Thread-safe; each participant's index is used by one thread at a time. Nothing allocates managed memory.</para>
/// </remarks>
public sealed unsafe class EpochDomain : IDisposable
{
    private const uint DriverFree = 0;
    private const uint DriverTaken = 1;
    private const uint DriverAwaited = 2;

    // Numbers are compared as distances and may wrap; starting just below the end makes every run show it.
    private const ulong FirstSequence = ulong.MaxValue - 7;

    private readonly ParticipantTable _participants;
    private readonly IEpochReclaimer _reclaimer;
    private readonly NativeBlock _shared;
    private readonly NativeBlock _snapshot;
    private readonly NativeBlock _queues;
    private readonly int _queueStride = (sizeof(RetireQueue) + NativeBlock.LineBytes - 1) / NativeBlock.LineBytes * NativeBlock.LineBytes;

    /// <summary>Creates a domain over the sections of a table.</summary>
    /// <param name="participants">Whose sections protect readers.</param>
    /// <param name="reclaimer">Where retired objects go.</param>
    public EpochDomain(ParticipantTable participants, IEpochReclaimer reclaimer)
    {
        ArgumentNullException.ThrowIfNull(participants);
        _participants = participants;
        _reclaimer = reclaimer;
        _shared = new NativeBlock(3 * NativeBlock.LineBytes);
        _snapshot = new NativeBlock((nuint)participants.Count * sizeof(ulong));
        _queues = new NativeBlock((nuint)(participants.Count * _queueStride));
        Atomics.StoreRelease(Sequence, FirstSequence);
    }

    private AtomicWord Sequence => _shared.Word(0);

    private AtomicInt Driver => _shared.Int(NativeBlock.LineBytes);

    /// <summary>Objects retired and not yet reclaimed, over all participants. Exact only when nothing runs.</summary>
    public long PendingCount
    {
        get
        {
            var total = 0L;
            for (var participant = 0; participant < _participants.Count; participant++)
            {
                total += Queue(participant).Count;
            }

            return total;
        }
    }

    /// <summary>Whether the participant has retired objects that are not reclaimed yet.</summary>
    /// <param name="participant">The caller's participant.</param>
    public bool HasPending(int participant) => Queue(participant).Count != 0;

    /// <summary>Enters a section. Sections do not nest.</summary>
    /// <param name="participant">The caller's participant.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter(int participant)
    {
        var section = _participants.Section(participant);

        // Volatile, so that the compiler keeps the section's reads after the announcement; the processor's order is the
        // business of the reclaimer's process-wide fence.
        Atomics.StoreRelease(section, Atomics.LoadRelaxed(section) + 1);
    }

    /// <summary>Leaves the section.</summary>
    /// <param name="participant">The caller's participant.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Leave(int participant)
    {
        var section = _participants.Section(participant);

        // The release keeps every read of the section before the store that lets a grace period end.
        Atomics.StoreRelease(section, Atomics.LoadRelaxed(section) + 1);
    }

    /// <summary>Hands over an object that readers can no longer reach from now on.</summary>
    /// <param name="participant">The caller's participant.</param>
    /// <param name="address">The object, unlinked before this call.</param>
    /// <param name="kind">A number that the reclaimer gets back.</param>
    public void Retire(int participant, nint address, int kind)
    {
        FinishUnlinking();
        Queue(participant).Enqueue(new RetireQueue.Item { Address = address, Due = DueAfter(Atomics.LoadAcquire(Sequence)), Kind = kind });
    }

    /// <summary>Reclaims what has become due of the participant's own objects, and starts or ends a grace period if it can.</summary>
    /// <param name="participant">The caller's participant, outside a section.</param>
    /// <returns>How many objects were reclaimed.</returns>
    public int TryReclaim(int participant)
    {
        ref var queue = ref Queue(participant);
        if (queue.Count == 0)
        {
            return 0;
        }

        // At most two steps: to end the grace period that was running at the retirement, and the one after it. Each that
        // begins costs every processor an interrupt, so none is begun for objects that are due already.
        for (var step = 0; step < 2 && !IsReached(Atomics.LoadAcquire(Sequence), queue.Head.Due); step++)
        {
            if (!TryAdvance(out _, out _))
            {
                break;
            }
        }

        return ReclaimDue(participant);
    }

    /// <summary>Waits for a grace period that begins after the call, then reclaims all of the participant's objects.</summary>
    /// <param name="participant">The caller's participant, outside a section.</param>
    /// <exception cref="InvalidOperationException">The participant is inside a section and would wait for itself.</exception>
    public void Synchronize(int participant)
    {
        if (_participants.IsInSection(participant))
        {
            throw new InvalidOperationException("A grace period cannot be awaited inside a section.");
        }

        FinishUnlinking();
        var due = DueAfter(Atomics.LoadAcquire(Sequence));
        var past = Past.Begin();
        while (true)
        {
            past.Forget();
            var sequence = Atomics.LoadAcquire(Sequence);
            if (IsReached(sequence, due))
            {
                break;
            }

            if (!TryAdvance(out var blocker, out var observed))
            {
                if (blocker >= 0)
                {
                    // The value that the step saw, and not the snapshot's: the next driver may have taken a new snapshot of
                    // a participant that is outside by now and never comes back.
                    Atomics.AwaitChange(_participants.Section(blocker), observed);
                }
                else
                {
                    AwaitDriver();
                }
            }
        }

        _ = ReclaimDue(participant);
    }

    /// <summary>Reclaims everything. No participant may be inside a section, and none may use the domain meanwhile.</summary>
    public void Drain()
    {
        for (var participant = 0; participant < _participants.Count; participant++)
        {
            if (Queue(participant).Count != 0)
            {
                Synchronize(participant);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        for (var participant = 0; participant < _participants.Count; participant++)
        {
            Queue(participant).Free();
        }

        _queues.Dispose();
        _snapshot.Dispose();
        _shared.Dispose();
    }

    // The unlinking before the read of the number. Another thread may drive the grace period that counts, and its process-wide fence has
    // each thread fence at a moment of its own: a reader that fenced first, announced itself into its buffer and then followed a link whose
    // replacement was still in this thread's buffer would be overlooked. The fence of the driver alone orders it with each thread, and not
    // these two with each other.
    private static void FinishUnlinking() => Atomics.FullFence();

    private static ulong DueAfter(ulong sequence) => (sequence + 3) & ~1UL;

    private static bool IsReached(ulong sequence, ulong due) => (long)(sequence - due) >= 0;

    private int ReclaimDue(int participant)
    {
        ref var queue = ref Queue(participant);
        var sequence = Atomics.LoadAcquire(Sequence);
        var reclaimed = 0;
        while (queue.Count != 0 && IsReached(sequence, queue.Head.Due))
        {
            var item = queue.Dequeue();
            _reclaimer.Reclaim(participant, item.Address, item.Kind);
            reclaimed++;
        }

        return reclaimed;
    }

    // One step of the grace-period machine. Losing the race for the driver's seat means that another thread takes the step.
    private bool TryAdvance(out int blocker, out ulong observed)
    {
        blocker = -1;
        observed = 0;
        if (Atomics.LoadRelaxed(Driver) != DriverFree || Atomics.CompareExchange(Driver, DriverTaken, DriverFree) != DriverFree)
        {
            return false;
        }

        var sequence = Atomics.LoadRelaxed(Sequence);
        if ((sequence & 1) == 0)
        {
            // Odd before the fence: an object retired from here on computes its due number from a grace period that is
            // already running and waits for the next one.
            Atomics.Exchange(Sequence, sequence + 1);
            Atomics.ProcessWideFence();
            for (var participant = 0; participant < _participants.Count; participant++)
            {
                Atomics.StoreRelaxed(SnapshotOf(participant), Atomics.LoadAcquire(_participants.Section(participant)));
            }

            sequence++;
        }

        var ended = true;
        for (var participant = 0; participant < _participants.Count; participant++)
        {
            observed = Atomics.LoadRelaxed(SnapshotOf(participant));
            if ((observed & 1) == 0)
            {
                continue;
            }

            if (Atomics.LoadAcquire(_participants.Section(participant)) == observed)
            {
                blocker = participant;
                ended = false;
                break;
            }

            // It changed: this participant need not be looked at again.
            Atomics.StoreRelaxed(SnapshotOf(participant), 0);
        }

        if (ended)
        {
            // The release pairs with the acquire in ReclaimDue: whoever sees the number also sees the readers gone.
            Atomics.StoreRelease(Sequence, sequence + 1);
        }

        if (Atomics.Exchange(Driver, DriverFree) == DriverAwaited)
        {
            Atomics.Wake(Driver, int.MaxValue);
        }

        return ended;
    }

    private void AwaitDriver()
    {
        var driver = Atomics.LoadAcquire(Driver);
        if (driver == DriverAwaited || (driver == DriverTaken && Atomics.CompareExchange(Driver, DriverAwaited, DriverTaken) == DriverTaken))
        {
            Atomics.Park(Driver, DriverAwaited);
        }
    }

    private AtomicWord SnapshotOf(int participant) => _snapshot.Word((nuint)participant * sizeof(ulong));

    // SAFETY: one queue per participant, each on lines of its own and touched by the participant's thread only.
    private ref RetireQueue Queue(int participant)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)participant, (uint)_participants.Count, nameof(participant));
        return ref *(RetireQueue*)((byte*)_queues.Pointer + ((nint)participant * _queueStride));
    }
}
