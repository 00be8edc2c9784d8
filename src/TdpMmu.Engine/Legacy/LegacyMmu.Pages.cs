using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.PageTables;

namespace TdpMmu.Legacy;

/// <content>Tables and their shadow pages: how they come and go.</content>
internal sealed unsafe partial class LegacyMmu<TFormat>
{
    private ShadowPage* CreatePage(int participant, Gfn frame, PagingLevel level)
    {
        var page = (ShadowPage*)_pagePool.Take(participant);
        *page = new ShadowPage { Frame = frame, Level = level, Table = Core.Pool.Take(participant) };
        _pages.Add(page);
        return page;
    }

    // The table that belongs below an entry: the one that exists, or a new one.
    private ShadowPage* GetPage(int participant, Gfn frame, PagingLevel entryLevel)
    {
        var start = frame.AlignDown(TableGeometry<TFormat>.FramesPerEntry(entryLevel));
        var page = _pages.Find(start, entryLevel.Down);
        return page is null ? CreatePage(participant, start, entryLevel.Down) : page;
    }

    // Under the lock: the entry is not present.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private PageTable Link(int participant, AtomicWord location, Gfn frame, PagingLevel level, Spte before)
    {
        var page = GetPage(participant, frame, level);
        var entry = TFormat.MakeTable(page->Table.Frame);
        page->Parents.Add(location, _descriptorPool, participant);

        // The release puts the table's contents before the entry that makes them reachable.
        Atomics.StoreRelease(location, entry.Value);
        OnEntryChanged(participant, page->Frame, level, before, entry);
        return page->Table;
    }

    // Removes the tables that map nothing but frames of the range, and nothing at all any more. From small to large, because the
    // end of one may empty its parent.
    private void RemoveEmptyTables(ref LockedPass<TFormat> pass, GfnRange range)
    {
        if (range.Start >= FrameLimit)
        {
            return;
        }

        var end = Math.Min(range.End.Value, FrameLimit.Value);
        for (var level = PagingLevel.Page4KiB; level < TableGeometry<TFormat>.RootLevel; level = level.Up)
        {
            var span = TableGeometry<TFormat>.FramesPerEntry(level.Up);
            var first = (range.Start.Value + span - 1) & ~(span - 1);
            if (first >= end || end - first < span)
            {
                return;
            }

            var tables = new GfnRange(new Gfn(first), (end - first) & ~(span - 1));
            if (tables.Count / span <= ShadowPageTable.BucketCount)
            {
                RemoveEmptyTablesByFrame(ref pass, tables, level, span);
            }
            else
            {
                RemoveEmptyTablesByBucket(ref pass, tables, level);
            }
        }
    }

    private void RemoveEmptyTablesByFrame(ref LockedPass<TFormat> pass, GfnRange tables, PagingLevel level, ulong span)
    {
        for (var frame = tables.Start; frame < tables.End; frame = frame.Plus(span))
        {
            var page = _pages.Find(frame, level);
            if (page is not null && IsEmpty(page->Table))
            {
                Remove(ref pass, page);
            }

            pass.Spend(page is null ? 1 : TableGeometry<TFormat>.EntriesPerTable);
        }
    }

    private void RemoveEmptyTablesByBucket(ref LockedPass<TFormat> pass, GfnRange tables, PagingLevel level)
    {
        for (var bucket = 0; bucket < ShadowPageTable.BucketCount; bucket++)
        {
            // The whole bucket before the lock may change hands: its pages may be gone afterwards.
            var visited = 1;
            for (var page = _pages.FirstOf(bucket); page is not null;)
            {
                var next = page->HashNext;
                visited++;
                if (page->Level == level && tables.Contains(page->Frame))
                {
                    visited += TableGeometry<TFormat>.EntriesPerTable;
                    if (IsEmpty(page->Table))
                    {
                        Remove(ref pass, page);
                    }
                }

                page = next;
            }

            pass.Spend(visited);
        }
    }

    // Tables have run short. The lock is held throughout: this is the last resort of a machine that has little room for tables.
    private void RemoveUnusedTables(int participant)
    {
        var pass = new LockedPass<TFormat>(this, participant);
        try
        {
            pass.Enter();

            // From new to old: a table is younger than its parent, which comes after it and may have become empty by then.
            for (var page = _pages.Newest; page != _root;)
            {
                var older = page->Older;
                if (IsEmpty(page->Table))
                {
                    Remove(ref pass, page);
                }

                page = older;
            }
        }
        finally
        {
            pass.Dispose();
        }
    }

    private void Remove(ref LockedPass<TFormat> pass, ShadowPage* page)
    {
        pass.BeginTakingAway();
        while (page->Parents.TryGet(0, out var parent))
        {
            var before = new Spte(Atomics.Exchange(parent, TFormat.NonPresent.Value));
            page->Parents.Remove(parent, _descriptorPool, pass.Participant);
            OnEntryChanged(pass.Participant, page->Frame, page->Level.Up, before, TFormat.NonPresent);
        }

        _pages.Remove(page);
        _unlinked.Add(pass.Participant, page->Table);
        _pagePool.GiveBack(pass.Participant, (nint)page);
        pass.NoteTakenAway();
    }

    private static bool IsEmpty(PageTable table)
    {
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            if (Atomics.LoadRelaxed(table.Entry(index)) != TFormat.NonPresent.Value)
            {
                return false;
            }
        }

        return true;
    }

    // SAFETY: shadow pages and their tables are followed and freed under the lock; tables go to the pool after flush and grace period.
}
