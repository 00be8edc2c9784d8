using System.Runtime.CompilerServices;
using TdpMmu.Machine;
using TdpMmu.PageTables;
using TdpMmu.Slots;

namespace TdpMmu.Direct;

/// <content>Page faults.</content>
internal sealed unsafe partial class DirectMmu<TFormat, TLock>
{
    internal override FaultOutcome HandleFault(int participant, Gfn frame, GuestAccess access, bool present)
    {
        // At the limit this may fail; only a fault that finds a table lacking then waits for one.
        _ = Core.Pool.TryTopUp(participant, TFormat.Levels - 1);
        if (present && TryFastFault(participant, frame, access))
        {
            return FaultOutcome.FastFixed;
        }

        var context = default(FaultContext);
        while (true)
        {
            var readiness = Readiness.Ready;
            if (TLock.Excludes)
            {
                // A look before the lock: a page that must be brought in and a range that is being invalidated cost the lock nothing.
                Core.Epochs.Enter(participant);
                readiness = Resolver.Examine(participant, frame, access, ref context);
                Core.Epochs.Leave(participant);
            }

            if (readiness == Readiness.Ready)
            {
                FaultOutcome outcome;
                EnterShared(participant);
                try
                {
                    readiness = Resolver.Examine(participant, frame, access, ref context);
                    outcome = readiness == Readiness.Ready ? Map(participant, frame, access, ref context) : FaultOutcome.Retry;
                }
                finally
                {
                    LeaveShared(participant);
                }

                if (readiness == Readiness.Ready)
                {
                    if (outcome != FaultOutcome.OutOfTables)
                    {
                        return outcome;
                    }

                    TopUp(participant, 1);
                    continue;
                }
            }

            if (Resolver.Resolve(participant, frame, access, readiness, ref context) is { } resolved)
            {
                return resolved;
            }
        }
    }

    // Grants writing with one exchange where only that is lacking. It needs no lock: the entry's place fixes its frame, so that an
    // entry which changed and changed back is as good as one that did not.
    private bool TryFastFault(int participant, Gfn frame, GuestAccess access)
    {
        var granted = false;
        Core.Epochs.Enter(participant);
        try
        {
            var context = default(FaultContext);
            if (Core.Slots.Find(participant, frame) is not null and var record
                && (SlotRecord.LoadFlags(record) & (SlotFlags.Deleting | SlotFlags.ReadOnly)) == SlotFlags.None
                && !Core.Ranges.Covers(frame, out context.Place, out context.Phase))
            {
                var walk = new TdpIterator<TFormat, TLock>(this, participant, new GfnRange(frame, 1), PagingLevel.Page4KiB, WalkKind.Borrowed);
                try
                {
                    walk.DescendTo(PagingLevel.Page4KiB);
                    var leaf = walk.Current;

                    // Losing the exchange means that the entry changed: the slow path looks at everything again.
                    granted = TFormat.IsPresent(leaf) && TFormat.IsMmuWritable(leaf) && access == GuestAccess.Write
                        && (TFormat.AccessOf(leaf) & GuestAccess.Write) == GuestAccess.None
                        && (walk.Level == PagingLevel.Page4KiB || (SlotRecord.LoadFlags(record) & SlotFlags.SmallPagesOnly) == SlotFlags.None)
                        && walk.TrySet(TFormat.WithWriteGranted(leaf));
                }
                finally
                {
                    walk.Dispose();
                }
            }
        }
        finally
        {
            Core.Epochs.Leave(participant);
        }

        return granted;
    }

    // Inside the section that examined the frame.
    private FaultOutcome Map(int participant, Gfn frame, GuestAccess access, ref FaultContext context)
    {
        var goal = LevelChoice.ForFault<TFormat>(frame, ref context, Core.Ranges);
        var walk = new TdpIterator<TFormat, TLock>(this, participant, new GfnRange(frame, 1), PagingLevel.Page4KiB, WalkKind.Borrowed);
        try
        {
            return MapAt(ref walk, participant, frame, access, goal, ref context);
        }
        finally
        {
            walk.Dispose();
        }
    }

    private FaultOutcome MapAt(
        ref TdpIterator<TFormat, TLock> walk, int participant, Gfn frame, GuestAccess access, PagingLevel goal, ref FaultContext context)
    {
        // Tables are made top down, one for each level at most: where the walk finds itself at a level again for which it has made one,
        // a zap was faster, and the cache holds no table for a second try.
        var made = TableGeometry<TFormat>.RootLevel.Up;
        while (true)
        {
            walk.DescendTo(goal);
            var entry = walk.Current;
            if (!TFormat.IsPresent(entry))
            {
                if (entry.Value == TFormat.Frozen.Value)
                {
                    // The walk stands in a table that was cut off; the fault finds the new one when it comes again.
                    return FaultOutcome.Retry;
                }

                if (walk.Level == goal)
                {
                    return Install(ref walk, frame, access, ref context);
                }

                if (!Core.Pool.HasCached(participant))
                {
                    return FaultOutcome.OutOfTables;
                }

                if (walk.Level >= made || !TryLink(ref walk, participant))
                {
                    return FaultOutcome.Retry;
                }

                made = walk.Level;
            }
            else if (!TFormat.IsLeaf(entry, walk.Level))
            {
                // A table where a large mapping would fit stays: faults do not take mappings of others away.
                goal = goal.Down;
            }
            else if (walk.Level <= goal || (context.Flags & SlotFlags.SmallPagesOnly) == SlotFlags.None)
            {
                return AddPermission(ref walk, access);
            }
            else if (!Core.Pool.HasCached(participant))
            {
                return FaultOutcome.OutOfTables;
            }
            else if (walk.Level >= made || !TrySplit(ref walk, participant))
            {
                return FaultOutcome.Retry;
            }
            else
            {
                made = walk.Level;
            }
        }
    }

    private static FaultOutcome Install(ref TdpIterator<TFormat, TLock> walk, Gfn frame, GuestAccess access, ref FaultContext context)
    {
        if (EngineChecks.Enabled)
        {
            EngineChecks.Require(walk.Range.Contains(frame), "a leaf is installed where the fault is (B32)");
        }

        var writable = (context.Flags & SlotFlags.ReadOnly) == SlotFlags.None;
        var rights = GuestAccess.Read | GuestAccess.Execute | (writable ? GuestAccess.Write : GuestAccess.None);
        var leaf = TFormat.MakeLeaf(
            context.Record->HostFrameOf(walk.Frame), walk.Level, rights, writable, dirty: (access & GuestAccess.Write) != GuestAccess.None);

        // Losing means that another vCPU mapped the page, or a zap passed: the guest looks again.
        return walk.TrySet(leaf) ? FaultOutcome.Fixed : FaultOutcome.Retry;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static FaultOutcome AddPermission(ref TdpIterator<TFormat, TLock> walk, GuestAccess access)
    {
        var leaf = walk.Current;
        if ((access & ~TFormat.AccessOf(leaf)) == GuestAccess.None)
        {
            return FaultOutcome.Spurious;
        }

        // The slot allows the access, or the fault would not have come here; what is missing is the right to write that a walk took
        // away. An entry that lost its MMU-writable bit gets both back under the policy that this section read.
        var restored = TFormat.MakeLeaf(
            TFormat.FrameOf(leaf), walk.Level, TFormat.AccessOf(leaf) | GuestAccess.Write, TFormat.IsHostWritable(leaf), dirty: true);
        return TFormat.IsHostWritable(leaf) && walk.TrySet(restored) ? FaultOutcome.Fixed : FaultOutcome.Retry;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryLink(ref TdpIterator<TFormat, TLock> walk, int participant)
    {
        var table = Core.Pool.Take(participant);
        if (walk.TrySet(TFormat.MakeTable(table.Frame)))
        {
            return true;
        }

        // Another vCPU linked its own, which serves as well: the walk goes on through it where it is one.
        Core.Pool.GiveBack(participant, table);
        return walk.IsTable;
    }

    // SAFETY: the slot record is followed inside the section that found it; entries are reached through the walk, in the same section.
}
