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
    }

    internal override void Zap(int participant, GfnRange range)
    {
        var pass = new LockedPass<TFormat>(this, participant);
        try
        {
            pass.Enter();
            WalkReverseMaps(ref pass, range, Removal.Mapping);
            for (var map = _maps.FirstFrom(range.Start); map is not null && map.Range.Start < range.End;)
            {
                // The map may be gone when the tables of its slot have been looked through; its bounds are enough.
                var slot = map.Range;
                if (range.Contains(slot))
                {
                    RemoveEmptyTables(ref pass, slot);
                }

                map = _maps.FirstFrom(slot.End);
            }
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
            WalkReverseMaps(ref pass, range, keepMmuWritable ? Removal.Writing : Removal.WritingForFastFaultsToo);
        }
        finally
        {
            pass.Dispose();
        }

        Core.Flush.FlushIfOwed(participant);
    }

    // Slot by slot, in pieces that fit the budget. Slots are looked up afresh for each piece, because they may come and go
    // while others have the lock.
    private void WalkReverseMaps(ref LockedPass<TFormat> pass, GfnRange range, Removal removal)
    {
        var next = range.Start;
        while (_maps.FirstFrom(next) is { } map && map.Range.Start < range.End)
        {
            var rest = map.Range.Intersect(new GfnRange(next, range.End.Value - next.Value));
            var piece = new GfnRange(rest.Start, Math.Min(rest.Count, (ulong)pass.Budget));
            for (var level = PagingLevel.Page4KiB; level <= TFormat.HighestLeafLevel; level = level.Up)
            {
                RemoveFrom(ref pass, map, piece, level, removal);
            }

            next = piece.End;
            if (next >= range.End)
            {
                break;
            }

            pass.Spend((int)piece.Count);
        }
    }

    // Leaves go whatever their size when the piece touches them.
    private void RemoveFrom(ref LockedPass<TFormat> pass, SlotReverseMap<TFormat> map, GfnRange piece, PagingLevel level, Removal removal)
    {
        var span = TableGeometry<TFormat>.FramesPerEntry(level);
        var list = map.At(piece.Start, level);
        for (var frame = piece.Start.AlignDown(span); frame < piece.End; frame = frame.Plus(span), list++)
        {
            if (list->IsEmpty)
            {
                continue;
            }

            if (removal == Removal.Mapping)
            {
                ZapAll(ref pass, list, frame, level);
            }
            else
            {
                ProtectAll(ref pass, list, frame, level, removal == Removal.Writing);
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

    // SAFETY: lists are followed between the lookup of their slot and the next point at which the lock may change hands.
}
