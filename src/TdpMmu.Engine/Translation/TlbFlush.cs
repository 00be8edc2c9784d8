using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;

namespace TdpMmu.Translation;

/// <summary>TLB shootdown, and the account of flushes that are owed.</summary>
/// <remarks>
/// <para>A flush raises each vCPU's request generation, issues one process-wide fence, and waits for the windows that were
/// open to close. A vCPU compares the generation inside its window before it uses a translation, so after the wait no vCPU
/// uses one that it had before the flush began.</para>
/// <para>Flushes are grouped: whoever finds one under way queues up, and the first of the queue flushes for all of it.</para>
/// <para>Debt: whoever is about to take a permission away counts itself in (<see cref="Incur"/>) before its compare-and-swap and
/// out (<see cref="Pay"/>) after its flush. An operation that promises that no stale translation is left, but found nothing to
/// change, looks at the count after its walk: if it is zero, every change that the walk saw has been flushed, because
/// its author counted itself in before making it; otherwise it flushes as well. Faults never touch the count.</para>
/// </remarks>
internal sealed class TlbFlush : IDisposable
{
    private readonly ParticipantTable _participants;
    private readonly Rendezvous _rendezvous;
    private readonly CounterTable _counters;
    private readonly NativeBlock _lines;
    private readonly ParkingLock _gate;

    internal TlbFlush(ParticipantTable participants, Rendezvous rendezvous, CounterTable counters)
    {
        _participants = participants;
        _rendezvous = rendezvous;
        _counters = counters;
        _lines = new NativeBlock(3 * NativeBlock.LineBytes);
        _gate = new ParkingLock(_lines.Int(NativeBlock.LineBytes));
    }

    private AtomicWord Begun => _lines.Word(0);

    private AtomicWord Completed => _lines.Word(8);

    private AtomicWord Debt => _lines.Word(2 * NativeBlock.LineBytes);

    /// <summary>Flushes that operations still owe.</summary>
    internal ulong OutstandingDebt => Atomics.LoadAcquire(Debt);

    /// <summary>Flushes completed so far.</summary>
    internal ulong CompletedCount => Atomics.LoadAcquire(Completed);

    /// <summary>Announces that the caller is about to take permissions away. A locked operation, before the first change.</summary>
    internal void Incur() => Atomics.Add(Debt, 1);

    /// <summary>Withdraws the announcement: the changes have been flushed, or none was made.</summary>
    internal void Pay() => Atomics.Add(Debt, ulong.MaxValue);

    /// <summary>
    /// Returns when a flush that began after the call has completed: translations of all vCPUs that existed at the call are gone.
    /// Called outside windows and sections.
    /// </summary>
    /// <param name="self">The caller's participant.</param>
    internal void Flush(int self)
    {
        var start = Atomics.Now;

        // The caller changed entries by locked operations, so that they are there for everybody before this look: a flush of another thread
        // that begins afterwards serves them. Plain stores would need a fence here, as in EpochDomain.Retire.
        var begunBefore = Atomics.LoadAcquire(Begun);
        _gate.Enter();

        // Flush number begunBefore + 1 or a later one began after the look above; if it is over, it served this caller too.
        if ((long)(Atomics.LoadAcquire(Completed) - begunBefore) <= 0)
        {
            var number = Atomics.LoadRelaxed(Begun) + 1;
            Atomics.StoreRelease(Begun, number);
            for (var vcpu = 0; vcpu < _participants.VcpuCount; vcpu++)
            {
                Atomics.Add(_participants.Request(vcpu), 1);
            }

            _rendezvous.WaitForWindows(self);
            Atomics.StoreRelease(Completed, number);
        }

        _gate.Exit();
        var elapsed = Atomics.Now - start;
        unsafe
        {
            // SAFETY: self's counters are written by this thread only.
            _counters.Of(self)->FlushLatency.Record(elapsed);
        }

        if (MmuEventSource.Log.IsEnabled())
        {
            MmuEventSource.Log.TlbFlush(self, begunBefore + 1, elapsed);
        }
    }

    /// <summary>Flushes if somebody has taken a permission away and not flushed yet.</summary>
    /// <param name="self">The caller's participant.</param>
    internal void FlushIfOwed(int self)
    {
        if (OutstandingDebt != 0)
        {
            Flush(self);
        }
    }

    public void Dispose() => _lines.Dispose();
}
