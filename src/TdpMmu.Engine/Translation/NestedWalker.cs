using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.PageTables;

namespace TdpMmu.Translation;

/// <summary>
/// Does what the processor's page walker does: reads one entry per level without any lock, and records the access in the leaf by
/// compare-and-swap. Runs inside an access window, which is what a TLB flush waits for before tables are freed.
/// </summary>
internal static class NestedWalker
{
    /// <summary>Walks the tables for one access.</summary>
    /// <param name="root">The root table.</param>
    /// <param name="frame">The guest frame.</param>
    /// <param name="access">Read, write or execute.</param>
    /// <param name="host">The host frame of the 4 KiB page.</param>
    /// <param name="permitted">What the TLB may let through: write only once the entry is dirty.</param>
    internal static WalkStatus Walk<TFormat>(PageTable root, Gfn frame, GuestAccess access, out Pfn host, out GuestAccess permitted)
        where TFormat : struct, IPagingFormat
    {
        host = default;
        permitted = GuestAccess.None;
        if (frame >= TableGeometry<TFormat>.FrameLimit)
        {
            return WalkStatus.NotPresent;
        }

        while (true)
        {
            var status = FindLeaf<TFormat>(root, frame, out var location, out var entry, out var level);
            if (status != WalkStatus.Translated)
            {
                return status;
            }

            var granted = TFormat.AccessOf(entry);
            if ((access & ~granted) != 0)
            {
                return WalkStatus.NotPermitted;
            }

            var recorded = TFormat.WithAccessRecorded(entry, (access & GuestAccess.Write) != 0);
            if (recorded != entry && Atomics.CompareExchange(location, recorded.Value, entry.Value) != entry.Value)
            {
                // The entry changed under the walk, as it may under a processor's: the walk starts again from the root.
                continue;
            }

            host = TFormat.FrameOf(recorded).Plus(frame.Value & (TableGeometry<TFormat>.FramesPerEntry(level) - 1));

            // A write through a cached translation sets no bit any more, so one that is not dirty is cached for reading only.
            permitted = TFormat.IsDirty(recorded) ? granted : granted & ~GuestAccess.Write;
            return WalkStatus.Translated;
        }
    }

    /// <summary>Finds the leaf of a frame without touching it. The tables are protected by the caller's window or section.</summary>
    /// <returns>Translated if there is one, whatever it permits; otherwise not present.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static WalkStatus FindLeaf<TFormat>(PageTable root, Gfn frame, out AtomicWord location, out Spte entry, out PagingLevel level)
        where TFormat : struct, IPagingFormat
    {
        var table = root;
        for (level = TableGeometry<TFormat>.RootLevel; ; level = level.Down)
        {
            location = table.Entry(TableGeometry<TFormat>.IndexOf(frame, level));

            // The acquire orders reading a table's entries after reading the entry that links it.
            entry = new Spte(Atomics.LoadAcquire(location));
            if (!TFormat.IsPresent(entry))
            {
                return WalkStatus.NotPresent;
            }

            if (TFormat.IsLeaf(entry, level))
            {
                return WalkStatus.Translated;
            }

            table = PageTable.Of<TFormat>(entry);
        }
    }
}
