using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.PageTables;

namespace TdpMmu.Legacy;

/// <content>Looking at an idle machine.</content>
internal sealed unsafe partial class LegacyMmu<TFormat>
{
    internal override List<Mapping> ListMappings() => TreeInspector.ListMappings<TFormat>(_rootTable);

    internal override void CheckTables()
    {
        TreeInspector.Check<TFormat>(_rootTable, Core);
        var tables = 0L;
        var leaves = 0L;
        CheckBelow(_root, ref tables, ref leaves);
        Demand(tables == _pages.Count, $"{_pages.Count} shadow pages are kept and {tables} tables are linked");
        Demand(_pagePool.InUse == tables, $"{_pagePool.InUse} shadow pages are in use for {tables} tables");

        var listed = 0;
        for (var page = _pages.Newest; page is not null; page = page->Older)
        {
            Demand(_pages.Find(page->Frame, page->Level) == page, $"the hash table finds the table at {page->Frame}, {page->Level}");
            Demand(page->Older is null || page->Older->Newer == page, "the list of shadow pages is linked in both directions");
            listed++;
        }

        Demand(listed == tables, $"{listed} shadow pages are in the list and {tables} tables are linked");
        var mapped = _maps.All.Sum(CountEntries);
        Demand(mapped == leaves, $"the reverse maps have {mapped} entries for {leaves} leaves");
        Demand(_descriptorPool.InUse == 0, "one tree maps a frame once and needs no descriptors");
    }

    // Every table below knows the entry that points to it as its only parent (I1), and every leaf is in its reverse map.
    private void CheckBelow(ShadowPage* page, ref long tables, ref long leaves)
    {
        tables++;
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            var location = page->Table.Entry(index);
            var entry = new Spte(Atomics.LoadAcquire(location));
            if (!TFormat.IsPresent(entry))
            {
                continue;
            }

            var frame = page->Frame.Plus((ulong)index * TableGeometry<TFormat>.FramesPerEntry(page->Level));
            if (TFormat.IsLeaf(entry, page->Level))
            {
                var list = _maps.Of(frame).At(frame, page->Level);
                Demand(
                    list->TryGet(0, out var mapped) && mapped == location && !list->TryGet(1, out _),
                    $"the leaf at {frame}, {page->Level}, is alone in its reverse map");
                leaves++;
                continue;
            }

            var child = _pages.Find(frame, page->Level.Down);
            Demand(child is not null, $"the table below {frame}, {page->Level}, has a shadow page");
            Demand(child->Table == PageTable.Of<TFormat>(entry), $"I1: the entry at {frame}, {page->Level}, points to its shadow page's table");
            Demand(
                child->Parents.TryGet(0, out var parent) && parent == location && !child->Parents.TryGet(1, out _),
                $"I1: the entry at {frame}, {page->Level}, is its table's only parent");
            CheckBelow(child, ref tables, ref leaves);
        }
    }

    private static bool IsEmpty(SlotReverseMap<TFormat> map) => CountEntries(map) == 0;

    private static long CountEntries(SlotReverseMap<TFormat> map)
    {
        var total = 0L;
        for (var level = PagingLevel.Page4KiB; level <= TFormat.HighestLeafLevel; level = level.Up)
        {
            var span = TableGeometry<TFormat>.FramesPerEntry(level);
            var list = map.At(map.Range.Start, level);
            for (var frame = map.Range.Start.AlignDown(span); frame < map.Range.End; frame = frame.Plus(span), list++)
            {
                for (var position = 0; list->TryGet(position, out _); position++)
                {
                    total++;
                }
            }
        }

        return total;
    }

    private static void Demand(bool condition, string invariant)
    {
        if (!condition)
        {
            throw new InvariantViolationException($"The invariant does not hold: {invariant}.");
        }
    }

    // SAFETY: the machine is idle, so that nothing is freed during the visit.
}
