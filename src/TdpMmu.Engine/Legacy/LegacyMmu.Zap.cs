using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.PageTables;

namespace TdpMmu.Legacy;

/// <content>Taking mappings and permissions away, through the reverse maps.</content>
internal sealed unsafe partial class LegacyMmu<TFormat>
{
    private enum Removal
    {
        Mapping,
        Writing,
        WritingForFastFaultsToo,
        Dirtiness,
    }

    internal override void Zap(int participant, GfnRange range)
    {
        var pass = new LockedPass<TFormat>(this, participant);
        try
        {
            pass.Enter();
            WalkReverseMaps(ref pass, range, Removal.Mapping, []);
            RemoveEmptyTables(ref pass, range);
        }
        finally
        {
            pass.Dispose();
        }

        // What others took away and this pass therefore did not find must be gone from the TLBs as well.
        Core.Flush.FlushIfOwed(participant);
        _ = Core.Epochs.TryReclaim(participant);
    }

    internal override void WriteProtect(int participant, GfnRange range, bool keepMmuWritable)
    {
        var pass = new LockedPass<TFormat>(this, participant);
        try
        {
            pass.Enter();
            WalkReverseMaps(ref pass, range, keepMmuWritable ? Removal.Writing : Removal.WritingForFastFaultsToo, []);
        }
        finally
        {
            pass.Dispose();
        }

        Core.Flush.FlushIfOwed(participant);
    }

    internal override void CollectDirty(int participant, GfnRange range, Span<ulong> dirty)
    {
        var pass = new LockedPass<TFormat>(this, participant);
        try
        {
            pass.Enter();
            WalkReverseMaps(ref pass, range, Removal.Dirtiness, dirty);
        }
        finally
        {
            pass.Dispose();
        }

        // Whether or not anything changed: another pass may have cleared bits and not flushed yet (I31).
        Core.Flush.FlushIfOwed(participant);
    }

    // Slot by slot, in pieces that fit the budget. Slots are looked up afresh for each piece, because they may come and go
    // while others have the lock.
    private void WalkReverseMaps(ref LockedPass<TFormat> pass, GfnRange range, Removal removal, Span<ulong> dirty)
    {
        var next = range.Start;
        while (next < range.End && _maps.FirstFrom(next) is { } map && map.Range.Start < range.End)
        {
            var rest = map.Range.Intersect(new GfnRange(next, range.End.Value - next.Value));
            var piece = new GfnRange(rest.Start, Math.Min(rest.Count, (ulong)pass.Budget));
            for (var level = PagingLevel.Page4KiB; level <= TFormat.HighestLeafLevel; level = level.Up)
            {
                RemoveFrom(ref pass, map, piece, level, removal, dirty, range.Start);
            }

            next = piece.End;
            pass.Spend((int)piece.Count);
        }
    }

    // Leaves go whatever their size when the piece touches them.
    private void RemoveFrom(
        ref LockedPass<TFormat> pass,
        SlotReverseMap<TFormat> map,
        GfnRange piece,
        PagingLevel level,
        Removal removal,
        Span<ulong> dirty,
        Gfn firstOfDirty)
    {
        var span = TableGeometry<TFormat>.FramesPerEntry(level);
        var list = map.At(piece.Start, level);
        for (var frame = piece.Start.AlignDown(span); frame < piece.End; frame = frame.Plus(span), list++)
        {
            if (list->IsEmpty)
            {
                continue;
            }

            switch (removal)
            {
                case Removal.Dirtiness when level == PagingLevel.Page4KiB:
                    if (CleanAll(ref pass, list, frame))
                    {
                        var page = frame.Value - firstOfDirty.Value;
                        dirty[(int)(page / 64)] |= 1UL << (int)(page % 64);
                    }

                    break;
                case Removal.Mapping or Removal.Dirtiness:
                    ZapAll(ref pass, list, frame, level);
                    break;
                default:
                    ProtectAll(ref pass, list, frame, level, removal == Removal.Writing);
                    break;
            }
        }
    }

    private void ZapAll(ref LockedPass<TFormat> pass, EntryList* list, Gfn frame, PagingLevel level)
    {
        pass.BeginTakingAway();
        while (list->TryGet(0, out var location))
        {
            var before = new Spte(Atomics.Exchange(location, TFormat.NonPresent.Value));
            EngineChecks.Require(
                TFormat.IsPresent(before) && TFormat.IsLeaf(before, level), "an entry in a reverse map is a leaf of the map's level");
            list->Remove(location, _descriptorPool, pass.Participant);
            OnEntryChanged(pass.Participant, frame, level, before, TFormat.NonPresent);
        }

        pass.NoteTakenAway();
    }

    private void ProtectAll(ref LockedPass<TFormat> pass, EntryList* list, Gfn frame, PagingLevel level, bool keepMmuWritable)
    {
        for (var position = 0; list->TryGet(position, out var location); position++)
        {
            while (true)
            {
                // Protection reasons are separate bits: an entry that is not writable may still be MMU-writable (B15).
                var leaf = new Spte(Atomics.LoadRelaxed(location));
                var protectedLeaf = TFormat.WithoutWrite(leaf, keepMmuWritable);
                if (protectedLeaf == leaf)
                {
                    break;
                }

                // A lost exchange means that a walker or a fast fault was there: the entry is read again.
                pass.BeginTakingAway();
                if (TryReplace(pass.Participant, location, frame, level, leaf, protectedLeaf))
                {
                    pass.NoteTakenAway();
                    break;
                }
            }
        }
    }

    private bool CleanAll(ref LockedPass<TFormat> pass, EntryList* list, Gfn frame)
    {
        var wasDirty = false;
        for (var position = 0; list->TryGet(position, out var location); position++)
        {
            while (true)
            {
                var leaf = new Spte(Atomics.LoadRelaxed(location));
                if (!TFormat.IsDirty(leaf))
                {
                    break;
                }

                // A lost exchange means that a walker or a fast fault was there: the entry is read again.
                pass.BeginTakingAway();
                if (TryReplace(pass.Participant, location, frame, PagingLevel.Page4KiB, leaf, TFormat.WithoutDirty(leaf)))
                {
                    pass.NoteTakenAway();
                    wasDirty = true;
                    break;
                }
            }
        }

        return wasDirty;
    }

    // SAFETY: lists are followed between the lookup of their slot and the next point at which the lock may change hands.
}
