using TdpMmu.Formats;
using TdpMmu.PageTables;
using TdpMmu.Slots;

namespace TdpMmu.Machine;

/// <summary>How large a mapping may be, whichever MMU makes it.</summary>
internal static unsafe class LevelChoice
{
    /// <summary>The highest level at which a slot can be mapped, given how its guest and host addresses are aligned.</summary>
    internal static PagingLevel HighestFor<TFormat>(Gfn frame, Pfn host, PagingLevel limit)
        where TFormat : struct, IPagingFormat
    {
        var level = limit < TFormat.HighestLeafLevel ? limit : TFormat.HighestLeafLevel;
        while (level.Value > 1 && ((frame.Value ^ host.Value) & (TableGeometry<TFormat>.FramesPerEntry(level) - 1)) != 0)
        {
            level = level.Down;
        }

        return level;
    }

    /// <summary>
    /// The level at which a fault maps. Called inside the section that examined the frame. A level fits if the slot covers the whole
    /// range and its alignment allows it (both are in the record's highest level and bounds), if all of it is present, and if no
    /// invalidation touches any of it: a large mapping made for an untouched frame would bring its neighbours back (B18).
    /// </summary>
    internal static PagingLevel ForFault<TFormat>(Gfn frame, ref FaultContext context, InvalidationRanges invalidations)
        where TFormat : struct, IPagingFormat
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
                && !invalidations.Overlaps(range))
            {
                return level;
            }
        }

        return PagingLevel.Page4KiB;
    }

    // SAFETY: the record is valid inside the section that put it into the context.
}
