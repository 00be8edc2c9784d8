using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Machine;
using TdpMmu.PageTables;
using TdpMmu.Slots;

namespace TdpMmu.Direct;

/// <content>Large mappings: when they are made, and how they are split.</content>
internal sealed unsafe partial class DirectMmu<TFormat, TLock>
{
    // Inside a section. A level fits if the slot covers the whole range and its alignment allows it (both are in MaxLevel and the
    // bounds), if all of it is present, and if no invalidation touches any of it: a large mapping made for an untouched frame
    // would bring its neighbours back (B18).
    private PagingLevel ChooseLevel(Gfn frame, ref FaultContext context)
    {
        var record = context.Record;
        if ((context.Flags & SlotFlags.SmallPagesOnly) != SlotFlags.None)
        {
            return PagingLevel.Page4KiB;
        }

        for (var level = record->MaxLevel; level > PagingLevel.Page4KiB; level = level.Down)
        {
            var frames = TableGeometry<TFormat>.FramesPerEntry(level);
            var range = new GfnRange(frame.AlignDown(frames), frames);
            if (record->Range.Contains(range)
                && context.States!.IsRangePresent(record->PageOf(range.Start), frames)
                && !Core.Ranges.Overlaps(range))
            {
                return level;
            }
        }

        return PagingLevel.Page4KiB;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    // Replaces a large leaf by a table of leaves that map the same. No flush: old and new translations are equivalent.
    private bool TrySplit(ref TdpIterator<TFormat, TLock> walk, int participant)
    {
        var leaf = walk.Current;
        var level = walk.Level;
        var table = Core.Pool.Take(participant);
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            // Plain stores: nobody can reach the table before the exchange that links it, which orders them.
            Atomics.StoreRelaxed(table.Entry(index), TFormat.MakeSplitChild(leaf, level, index).Value);
        }

        if (walk.TrySet(TFormat.MakeTable(table.Frame)))
        {
            Counters(participant)->Leaves[level.Down.Value] += TableGeometry<TFormat>.EntriesPerTable;
            return true;
        }

        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            Atomics.StoreRelaxed(table.Entry(index), TFormat.NonPresent.Value);
        }

        Core.Pool.GiveBack(participant, table);
        return walk.IsTable;
    }
}
