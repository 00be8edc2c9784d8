using TdpMmu.Concurrency;

namespace TdpMmu.Slots;

/// <summary>The guest frames that faults must leave alone because their host memory is about to change.</summary>
/// <remarks>
/// <para>Each invalidation has a place of its own, so invalidators do not exclude each other; faults look at one shared count,
/// and at the places only while it is not zero.</para>
/// <para>Faults look inside an announced section, and an invalidator waits for all sections after it has published. So a
/// fault that misses a range that is just being published is waited for, and what it installed is zapped; one that sees half of
/// a place that is being reused either retries for nothing or misses a range that has ended. There is no sequence number,
/// because nothing that a fault learnt before its section is used inside it: presence, slot and ranges are read there.</para>
/// <para>A place's phase counts up: 0 free, 1 claimed, 2 published, modulo 4.</para>
/// </remarks>
internal sealed class InvalidationRanges : IDisposable
{
    private const int Places = 64;
    private const uint PhaseMask = 3;
    private const uint Published = 2;
    private const int WordsPerPlace = NativeBlock.LineBytes / sizeof(ulong);

    private readonly NativeBlock _lines = new((Places + 1) * NativeBlock.LineBytes);
    private readonly AtomicWord _active;

    internal InvalidationRanges() => _active = _lines.Word(0);

    /// <summary>Invalidations that are published.</summary>
    internal ulong ActiveCount => Atomics.LoadAcquire(_active);

    /// <summary>Publishes a range. Faults see it once a rendezvous with all sections has followed.</summary>
    /// <param name="range">The frames.</param>
    /// <param name="timeoutNanoseconds">How long to wait for a place when all are in use.</param>
    /// <param name="published">The entry, for <see cref="Withdraw"/>.</param>
    /// <returns>False when no place was found, after at most that time.</returns>
    internal bool TryPublish(GfnRange range, long timeoutNanoseconds, out PublishedRange published)
    {
        var withdrawn = Atomics.LoadAcquire(Withdrawn);
        for (var place = 0; place < Places; place++)
        {
            var phase = Atomics.LoadRelaxed(Phase(place));

            // A lost race means that another invalidator took this place; the next one is tried.
            if ((phase & PhaseMask) != 0 || Atomics.CompareExchange(Phase(place), phase + 1, phase) != phase)
            {
                continue;
            }

            Atomics.StoreRelaxed(Start(place), range.Start.Value);
            Atomics.StoreRelaxed(End(place), range.End.Value);

            // The release puts the bounds before the phase that makes them count.
            Atomics.StoreRelease(Phase(place), phase + Published);
            Atomics.Add(_active, 1);
            published = new PublishedRange(place, phase + Published);
            return true;
        }

        // All places were in use: wait for any of them to be withdrawn since the count was read. A place's own phase would
        // not do: it may be free by the time it is read here, and then nothing changes it again.
        Atomics.AwaitChange(Withdrawn, withdrawn, timeoutNanoseconds);
        published = default;
        return false;
    }

    /// <summary>Ends an invalidation. Everything that the host did inside is visible to faults that find the range gone.</summary>
    internal void Withdraw(PublishedRange published)
    {
        // The exchange orders the host's action before the phase: a fault that finds the range gone finds the new state of the host. Losing
        // it means that the range was withdrawn before.
        var next = (published.Phase | PhaseMask) + 1;
        if (Atomics.CompareExchange(Phase(published.Place), next, published.Phase) == published.Phase)
        {
            Atomics.Add(_active, ulong.MaxValue);
            Atomics.Add(Withdrawn, 1);
        }
    }

    /// <summary>Whether a published range has the frame. Called inside a section.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="place">The place of the range.</param>
    /// <param name="phase">The value to outwait.</param>
    internal bool Covers(Gfn frame, out int place, out ulong phase)
    {
        place = -1;
        phase = 0;
        return Atomics.LoadAcquire(_active) != 0 && Find(frame, out place, out phase);
    }

    /// <summary>Whether a published range shares a frame with <paramref name="range"/>. Called inside a section.</summary>
    internal bool Overlaps(GfnRange range)
    {
        if (Atomics.LoadAcquire(_active) == 0)
        {
            return false;
        }

        for (var place = 0; place < Places; place++)
        {
            if ((Atomics.LoadAcquire(Phase(place)) & PhaseMask) == Published
                && Atomics.LoadRelaxed(Start(place)) < range.End.Value && range.Start.Value < Atomics.LoadRelaxed(End(place)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Waits, outside windows and sections, until the range that <see cref="Covers"/> found has ended.</summary>
    internal void AwaitEnd(int place, ulong phase, long timeoutNanoseconds) =>
        Atomics.AwaitChange(Phase(place), phase, timeoutNanoseconds);

    public void Dispose() => _lines.Dispose();

    private bool Find(Gfn frame, out int found, out ulong phase)
    {
        for (var place = 0; place < Places; place++)
        {
            phase = Atomics.LoadAcquire(Phase(place));
            if ((phase & PhaseMask) == Published
                && frame.Value >= Atomics.LoadRelaxed(Start(place)) && frame.Value < Atomics.LoadRelaxed(End(place)))
            {
                found = place;
                return true;
            }
        }

        found = -1;
        phase = 0;
        return false;
    }

    private AtomicWord Withdrawn => _active.At(1);

    private AtomicWord Phase(int place) => _active.At((place + 1) * WordsPerPlace);

    private AtomicWord Start(int place) => Phase(place).At(1);

    private AtomicWord End(int place) => Phase(place).At(2);
}
