using TdpMmu.PageTables;

namespace TdpMmu.Direct;

/// <content>Dirty logging by the entries' own dirty bits.</content>
internal sealed unsafe partial class DirectMmu<TFormat, TLock>
{
    internal override void CollectDirty(int participant, GfnRange range, Span<ulong> dirty)
    {
        var walk = new TdpIterator<TFormat, TLock>(this, participant, range, PagingLevel.Page4KiB, WalkKind.Shared);
        try
        {
            while (walk.MoveNext())
            {
                // A lost exchange shows the new value, and with it whether it is still a leaf (C3).
                while (TFormat.IsPresent(walk.Current) && TFormat.IsLeaf(walk.Current, walk.Level))
                {
                    var leaf = walk.Current;
                    if (walk.Level > PagingLevel.Page4KiB)
                    {
                        if (walk.TrySet(TFormat.NonPresent))
                        {
                            break;
                        }
                    }
                    else if (!TFormat.IsDirty(leaf))
                    {
                        break;
                    }
                    else if (walk.TrySet(TFormat.WithoutDirty(leaf)))
                    {
                        var page = walk.Frame.Value - range.Start.Value;
                        dirty[(int)(page / 64)] |= 1UL << (int)(page % 64);
                        break;
                    }
                }
            }
        }
        finally
        {
            walk.Dispose();
        }

        // Whether or not anything changed: another walk may have cleared bits and not flushed yet (I31).
        Flush.FlushIfOwed(participant);
    }

    // SAFETY: entries are reached through the walk, inside its section.
}
