using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.PageTables;
using TdpMmu.Slots;
using TdpMmu.Translation;

namespace TdpMmu.Legacy;

/// <content>Page faults.</content>
internal sealed unsafe partial class LegacyMmu<TFormat>
{
    internal override FaultOutcome HandleFault(int participant, Gfn frame, GuestAccess access, bool present)
    {
        TopUpCaches(participant);
        if (present && TryFastFault(participant, frame, access))
        {
            return FaultOutcome.FastFixed;
        }

        var context = default(FaultContext);
        while (true)
        {
            // A look before the lock: a page that must be brought in and a range that is being invalidated cost the lock nothing.
            Core.Epochs.Enter(participant);
            var readiness = Resolver.Examine(participant, frame, access, ref context);
            Core.Epochs.Leave(participant);
            if (readiness == Readiness.Ready)
            {
                FaultOutcome outcome;
                EnterLocked(participant);
                try
                {
                    readiness = Resolver.Examine(participant, frame, access, ref context);
                    outcome = readiness == Readiness.Ready ? Map(participant, frame, access, ref context) : FaultOutcome.Retry;
                }
                finally
                {
                    LeaveLocked(participant);
                }

                if (readiness == Readiness.Ready)
                {
                    return outcome;
                }
            }

            if (Resolver.Resolve(participant, frame, access, readiness, ref context) is { } resolved)
            {
                return resolved;
            }
        }
    }

    // Everything that a fault may take under the lock is in the participant's caches before.
    private void TopUpCaches(int participant)
    {
        if (!Core.Pool.TryTopUp(participant, TFormat.Levels - 1))
        {
            RemoveUnusedTables(participant);
            TopUp(participant, TFormat.Levels - 1);
        }

        _pagePool.TopUp(participant, TFormat.Levels - 1);
        _descriptorPool.TopUp(participant, TFormat.Levels);
    }

    // Grants writing with one exchange where only that is lacking. It needs no lock: the entry's place fixes its frame, so that an
    // entry which changed and changed back is as good as one that did not, and the section keeps the table.
    private bool TryFastFault(int participant, Gfn frame, GuestAccess access)
    {
        Core.Epochs.Enter(participant);
        try
        {
            return access == GuestAccess.Write
                && Core.Slots.Find(participant, frame) is not null and var record
                && IsFastFaultAllowed(frame, SlotRecord.LoadFlags(record), out var highest)
                && NestedWalker.FindLeaf<TFormat>(_rootTable, frame, out var location, out var leaf, out var level) == WalkStatus.Translated
                && level <= highest
                && TFormat.IsMmuWritable(leaf)
                && (TFormat.AccessOf(leaf) & GuestAccess.Write) == GuestAccess.None
                && TryReplace(participant, location, frame, level, leaf, TFormat.WithWriteGranted(leaf));
        }
        finally
        {
            Core.Epochs.Leave(participant);
        }
    }

    // A large mapping is split before it becomes writable where only small ones are allowed: that is for the slow path.
    private bool IsFastFaultAllowed(Gfn frame, SlotFlags flags, out PagingLevel highest)
    {
        highest = (flags & SlotFlags.SmallPagesOnly) != SlotFlags.None ? PagingLevel.Page4KiB : TFormat.HighestLeafLevel;
        return (flags & (SlotFlags.Deleting | SlotFlags.ReadOnly)) == SlotFlags.None && !Core.Ranges.Covers(frame, out _, out _);
    }

    // Under the lock, inside the section that examined the frame.
    private FaultOutcome Map(int participant, Gfn frame, GuestAccess access, ref FaultContext context)
    {
        var goal = LevelChoice.ForFault<TFormat>(frame, ref context, Core.Ranges);
        var table = _rootTable;
        for (var level = TableGeometry<TFormat>.RootLevel; ; level = level.Down)
        {
            var location = table.Entry(TableGeometry<TFormat>.IndexOf(frame, level));
            var entry = new Spte(Atomics.LoadAcquire(location));
            if (!TFormat.IsPresent(entry))
            {
                if (level == goal)
                {
                    Install(participant, location, frame, level, entry, access, ref context);
                    return FaultOutcome.Fixed;
                }

                table = Link(participant, location, frame, level, entry);
            }
            else if (TFormat.IsLeaf(entry, level))
            {
                if (level <= goal || (context.Flags & SlotFlags.SmallPagesOnly) == SlotFlags.None)
                {
                    return AddPermission(participant, location, frame, level, entry, access);
                }

                table = Split(participant, location, frame, level);
            }
            else
            {
                // A table where a large mapping would fit stays: faults do not take mappings of others away.
                goal = level <= goal ? level.Down : goal;
                table = PageTable.Of<TFormat>(entry);
            }
        }
    }

    private void Install(
        int participant, AtomicWord location, Gfn frame, PagingLevel level, Spte before, GuestAccess access, ref FaultContext context)
    {
        var start = frame.AlignDown(TableGeometry<TFormat>.FramesPerEntry(level));
        var writable = (context.Flags & SlotFlags.ReadOnly) == SlotFlags.None;
        var rights = GuestAccess.Read | GuestAccess.Execute | (writable ? GuestAccess.Write : GuestAccess.None);
        var leaf = TFormat.MakeLeaf(
            context.Record->HostFrameOf(start), level, rights, writable, dirty: (access & GuestAccess.Write) != GuestAccess.None);

        // A plain store: nobody without the lock changes an entry that is not present.
        Atomics.StoreRelease(location, leaf.Value);
        _maps.Of(frame).At(frame, level)->Add(location, _descriptorPool, participant);
        OnEntryChanged(participant, start, level, before, leaf);
    }

    private FaultOutcome AddPermission(int participant, AtomicWord location, Gfn frame, PagingLevel level, Spte leaf, GuestAccess access)
    {
        if ((access & ~TFormat.AccessOf(leaf)) == GuestAccess.None)
        {
            return FaultOutcome.Spurious;
        }

        // The slot allows the access, or the fault would not have come here; what is missing is the right to write that a walk took
        // away. An entry that lost its MMU-writable bit gets both back under the policy that this section read.
        var restored = TFormat.MakeLeaf(
            TFormat.FrameOf(leaf), level, TFormat.AccessOf(leaf) | GuestAccess.Write, TFormat.IsHostWritable(leaf), dirty: true);
        return TFormat.IsHostWritable(leaf) && TryReplace(participant, location, frame, level, leaf, restored)
            ? FaultOutcome.Fixed
            : FaultOutcome.Retry;
    }

    // A lost exchange means that a walker recorded an access or a fast fault granted writing: nothing was done.
    private bool TryReplace(int participant, AtomicWord location, Gfn frame, PagingLevel level, Spte before, Spte after)
    {
        if (Atomics.CompareExchange(location, after.Value, before.Value) != before.Value)
        {
            return false;
        }

        OnEntryChanged(participant, frame.AlignDown(TableGeometry<TFormat>.FramesPerEntry(level)), level, before, after);
        return true;
    }

    // SAFETY: the slot record is followed inside the section that found it; shadow pages and entries are followed under the lock.
}
