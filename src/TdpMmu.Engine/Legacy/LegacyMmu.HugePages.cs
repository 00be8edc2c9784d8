using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.PageTables;

namespace TdpMmu.Legacy;

/// <content>How large mappings are split.</content>
internal sealed unsafe partial class LegacyMmu<TFormat>
{
    // Replaces a large leaf by a table of leaves that map the same. No flush: old and new translations are equivalent.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private PageTable Split(int participant, AtomicWord location, Gfn frame, PagingLevel level)
    {
        var start = frame.AlignDown(TableGeometry<TFormat>.FramesPerEntry(level));
        var below = level.Down;
        EngineChecks.Require(_pages.Find(start, below) is null, "no table lies beside a leaf of the same range");
        var page = CreatePage(participant, start, below);
        var leaf = FillAndLink(page->Table, location, level);

        var map = _maps.Of(start);
        map.At(start, level)->Remove(location, _descriptorPool, participant);
        page->Parents.Add(location, _descriptorPool, participant);
        OnEntryChanged(participant, start, level, leaf, TFormat.MakeTable(page->Table.Frame));
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            var child = start.Plus((ulong)index * TableGeometry<TFormat>.FramesPerEntry(below));
            map.At(child, below)->Add(page->Table.Entry(index), _descriptorPool, participant);
        }

        CountersOf(participant)->Leaves[below.Value] += TableGeometry<TFormat>.EntriesPerTable;
        return page->Table;
    }

    // The value of the leaf that was replaced. A walker or a fast fault may change the leaf while the table is filled from it; then
    // it is filled again, and because each of them only sets bits, that ends.
    private static Spte FillAndLink(PageTable table, AtomicWord location, PagingLevel level)
    {
        while (true)
        {
            var leaf = new Spte(Atomics.LoadRelaxed(location));
            for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
            {
                // Plain stores: nobody can reach the table before the exchange that links it, which orders them.
                Atomics.StoreRelaxed(table.Entry(index), TFormat.MakeSplitChild(leaf, level, index).Value);
            }

            if (Atomics.CompareExchange(location, TFormat.MakeTable(table.Frame).Value, leaf.Value) == leaf.Value)
            {
                return leaf;
            }
        }
    }

    // SAFETY: a table that is being filled belongs to this participant until it is linked, under the lock.
}
