using TdpMmu.PageTables;

namespace TdpMmu.Direct;

/// <content>Taking mappings and permissions away.</content>
internal sealed unsafe partial class DirectMmu<TFormat, TLock>
{
    internal override void Zap(int participant, GfnRange range)
    {
        // From small tables to large ones: no step tears down more than one table of entries that map nothing but memory or
        // nothing at all, so that the section between two yields stays short however large the range is (C6).
        for (var level = PagingLevel.Page2MiB; level <= TableGeometry<TFormat>.RootLevel; level = level.Up)
        {
            if (level == PagingLevel.Page2MiB || HoldsWholeEntry(range, level))
            {
                ZapPass(participant, range, level);
            }
        }

        // What others took away and this walk therefore did not find must be gone from the TLBs as well.
        Flush.FlushIfOwed(participant);
        _ = Core.Epochs.TryReclaim(participant);
    }

    internal override void WriteProtect(int participant, GfnRange range, bool keepMmuWritable)
    {
        var walk = new TdpIterator<TFormat, TLock>(this, participant, range, PagingLevel.Page4KiB, WalkKind.Shared);
        try
        {
            while (walk.MoveNext())
            {
                while (TFormat.IsPresent(walk.Current) && TFormat.IsLeaf(walk.Current, walk.Level))
                {
                    // Protection reasons are separate bits: an entry that is not writable may still be MMU-writable (B15).
                    var protectedLeaf = TFormat.WithoutWrite(walk.Current, keepMmuWritable);
                    if (protectedLeaf == walk.Current || walk.TrySet(protectedLeaf))
                    {
                        break;
                    }
                }
            }
        }
        finally
        {
            walk.Dispose();
        }

        Flush.FlushIfOwed(participant);
    }

    private static bool HoldsWholeEntry(GfnRange range, PagingLevel level)
    {
        var frames = TableGeometry<TFormat>.FramesPerEntry(level);
        return ((range.Start.Value + frames - 1) & ~(frames - 1)) + frames <= range.End.Value;
    }

    private void ZapPass(int participant, GfnRange range, PagingLevel level)
    {
        var lowest = level == PagingLevel.Page2MiB ? PagingLevel.Page4KiB : level;
        var walk = new TdpIterator<TFormat, TLock>(this, participant, range, lowest, WalkKind.Exclusive);
        try
        {
            while (walk.MoveNext())
            {
                // A lost exchange shows the entry's new value, which is judged afresh: it may have become a table or a leaf (C3).
                while (IsToGo(ref walk, range, level) && !walk.TrySet(TFormat.NonPresent))
                {
                }
            }
        }
        finally
        {
            walk.Dispose();
        }
    }

    // Tables go when the range contains all that they map (C1); leaves, whatever their size, when the range touches them.
    private static bool IsToGo(ref TdpIterator<TFormat, TLock> walk, GfnRange range, PagingLevel level)
    {
        var entry = walk.Current;
        if (!TFormat.IsPresent(entry))
        {
            return TFormat.IsMmio(entry) && range.Overlaps(walk.Range);
        }

        return TFormat.IsLeaf(entry, walk.Level)
            ? range.Overlaps(walk.Range)
            : walk.Level <= level && range.Contains(walk.Range);
    }

    // SAFETY: entries are reached through the walk, inside its section.
}
