using System.Numerics;
using TdpMmu.Concurrency;

namespace TdpMmu.Machine;

/// <summary>Fills missing pages on the faulting thread, with a claim per page.</summary>
internal static unsafe class HostFill
{
    /// <summary>Brings a page in from the memory's source, or waits for whoever has claimed it. The caller looks again afterwards.</summary>
    /// <exception cref="PageSourceException">The source failed; the page is poisoned.</exception>
    internal static void FromSource(HostMemory memory, ulong page, CancellationToken stopping)
    {
        var states = memory.States;
        if (!states.TryClaim(page))
        {
            states.WaitWhileInFlight(page, Atomics.NoTimeout);
            return;
        }

        try
        {
            var (first, count) = UnitOf(memory, page);
            if (!memory.IsBacked && states.AreOthersMissing(first, count, page))
            {
                // The first page of a unit: the host backs all of it at once, which spares the next ones their host faults.
                memory.Populate(first * PageGeometry.PageSize, count * PageGeometry.PageSize, write: true);
            }
        }
        catch
        {
            states.Abandon(page);
            throw;
        }

        try
        {
            // SAFETY: the claim makes this thread the owner of the page's bytes until it is published or given up, and memory
            // that the faulting thread fills is not registered with userfaultfd, so that touching it cannot block.
            var bytes = new Span<byte>((void*)(memory.BaseAddress.Value + (page * PageGeometry.PageSize)), (int)PageGeometry.PageSize);
            memory.Source!.Fetch(page, bytes, stopping);
        }
#pragma warning disable CA1031 // Whatever the source throws, the page is lost, and the claim must end.
        catch (Exception exception) when (exception is not OperationCanceledException || !stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            states.Poison(page);
            throw new PageSourceException($"The page source failed to deliver page {page}; the page is poisoned.", exception);
        }
        catch (OperationCanceledException)
        {
            states.Abandon(page);
            throw;
        }

        if (!states.TryPublish(page))
        {
            states.Abandon(page);
        }
    }

    /// <summary>Has the host bring a page in, or waits for whoever has claimed it. The caller looks again afterwards.</summary>
    internal static void FromHost(HostMemory memory, ulong page)
    {
        var states = memory.States;
        if (!states.TryClaim(page))
        {
            states.WaitWhileInFlight(page, Atomics.NoTimeout);
            return;
        }

        // The page's neighbours in the unit come along where nobody has claimed them: most of the cost of a page is the call.
        var (first, count) = UnitOf(memory, page);
        var claimed = 0UL;
        for (var index = 0; index < (int)count; index++)
        {
            if (first + (ulong)index == page || states.TryClaim(first + (ulong)index))
            {
                claimed |= 1UL << index;
            }
        }

        var populated = false;
        try
        {
            // Always for writing: a page that was populated for reading is the shared zero page, and a guest that writes it
            // through a mapping would take a second host fault inside its window.
            memory.Populate(first * PageGeometry.PageSize, count * PageGeometry.PageSize, write: true);
            populated = true;
        }
        finally
        {
            for (; claimed != 0; claimed &= claimed - 1)
            {
                var member = first + (ulong)BitOperations.TrailingZeroCount(claimed);
                if (!populated || !states.TryPublish(member))
                {
                    states.Abandon(member);
                }
            }
        }
    }

    // The aligned piece of the memory around a page that the host is asked for at a time; at most 64 pages.
    private static (ulong First, ulong Count) UnitOf(HostMemory memory, ulong page)
    {
        var unit = memory.PopulateUnit / PageGeometry.PageSize;
        var lead = memory.BaseAddress.Frame.Value % unit;
        var first = ((page + lead) / unit * unit) - lead;
        first = (long)first < 0 ? 0 : first;
        var end = Math.Min((((page + lead) / unit) + 1) * unit - lead, memory.States.PageCount);
        return (first, end - first);
    }
}
