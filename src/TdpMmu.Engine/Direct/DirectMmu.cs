using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.PageTables;
using TdpMmu.Translation;

namespace TdpMmu.Direct;

/// <summary>
/// The direct MMU: page tables and nothing else. Faults run in parallel and change entries by compare-and-swap; tables have no
/// side structure, mappings no reverse map.
/// </summary>
/// <typeparam name="TFormat">The layout of entries.</typeparam>
/// <typeparam name="TLock">What excludes what.</typeparam>
internal sealed unsafe partial class DirectMmu<TFormat, TLock> : Mmu
    where TFormat : struct, IPagingFormat
    where TLock : struct, IMmuLock<TLock>
{
    private readonly TLock _lock;
    private readonly UnlinkedTables _unlinked;
    private readonly PageTable _root;

    internal DirectMmu(MachineCore core)
        : base(core)
    {
        _lock = TLock.Create(core.Participants);
        _unlinked = new UnlinkedTables(core.Participants.Count);
        var lane = core.Participants.LeaseHostLane();
        TopUp(lane, 1);
        _root = core.Pool.Take(lane);
        core.Pool.Empty(lane);
        core.Participants.ReturnHostLane(lane);
    }

    internal override string FormatName => TFormat.Name;

    internal override string? LockName => TLock.Name;

    internal override Gfn FrameLimit => TableGeometry<TFormat>.FrameLimit;

    internal override long MetadataBytes => 0;

    /// <summary>The root table, which lives as long as the MMU.</summary>
    internal PageTable Root => _root;

    /// <summary>Flushes and their debt.</summary>
    internal TlbFlush Flush => Core.Flush;

    /// <summary>Entries that a walk visits between yields; tests make it small.</summary>
    internal int WalkBudget { get; set; } = TdpIterator<TFormat, TLock>.YieldBudget;

    internal override WalkStatus Walk(Gfn frame, GuestAccess access, out Pfn host, out GuestAccess permitted) =>
        NestedWalker.Walk<TFormat>(_root, frame, access, out host, out permitted);

    internal override PagingLevel HighestLevelFor(Gfn frame, Pfn host, PagingLevel limit) =>
        LevelChoice.HighestFor<TFormat>(frame, host, limit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ParticipantCounters* Counters(int participant) => CountersOf(participant);

    /// <summary>Whether somebody waits for the lock.</summary>
    internal bool IsLockContended => _lock.IsContended;

    internal void EnterShared(int participant)
    {
        // The lock first: nobody waits for a lock inside an announced section.
        _lock.EnterShared(participant);
        Core.Epochs.Enter(participant);
    }

    internal void LeaveShared(int participant)
    {
        CheckNoWalkOpen(participant);
        Core.Epochs.Leave(participant);
        _lock.LeaveShared(participant);
    }

    internal void EnterExclusive(int participant)
    {
        _lock.EnterExclusive(participant);
        Core.Epochs.Enter(participant);
    }

    internal void LeaveExclusive(int participant)
    {
        CheckNoWalkOpen(participant);
        Core.Epochs.Leave(participant);
        _lock.LeaveExclusive(participant);
    }

    /// <summary>Whether a change of an entry makes a translation that a TLB may hold wrong.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TakesPermissionAway(Spte before, Spte after, PagingLevel level)
    {
        if (!TFormat.IsPresent(before))
        {
            return false;
        }

        if (!TFormat.IsPresent(after))
        {
            return true;
        }

        var wasLeaf = TFormat.IsLeaf(before, level);
        if (wasLeaf != TFormat.IsLeaf(after, level))
        {
            // A large leaf that becomes a table of the same translations needs no flush; a table that becomes a leaf does.
            return !wasLeaf;
        }

        // A fast fault may write through an entry that is only MMU-writable, so losing that bit needs a flush as well.
        return wasLeaf
            && ((TFormat.AccessOf(before) & ~TFormat.AccessOf(after)) != GuestAccess.None
                || (TFormat.IsMmuWritable(before) && !TFormat.IsMmuWritable(after))
                || (TFormat.IsDirty(before) && !TFormat.IsDirty(after)));
    }

    /// <summary>The one place for what follows from a changed entry: statistics, and the end of a table that was cut off.</summary>
    /// <returns>Whether a table was cut off.</returns>
    internal bool OnEntryChanged(int participant, Gfn frame, PagingLevel level, Spte before, Spte after)
    {
        var wasPresent = TFormat.IsPresent(before);
        var isPresent = TFormat.IsPresent(after);
        var wasLeaf = wasPresent && TFormat.IsLeaf(before, level);
        var isLeaf = isPresent && TFormat.IsLeaf(after, level);
        if (EngineChecks.Enabled)
        {
            EngineChecks.Require(
                !(wasLeaf && isLeaf) || TFormat.FrameOf(before) == TFormat.FrameOf(after),
                "the frame of a present leaf never changes in place (I8)");
        }

        if (MmuEventSource.Log.IsEnabled())
        {
            MmuEventSource.Log.EntryChanged(frame.Value, level.Value, before.Value, after.Value);
        }

        if (wasLeaf != isLeaf)
        {
            Counters(participant)->Leaves[level.Value] += isLeaf ? 1 : -1;
        }

        if (wasLeaf && !isPresent && TFormat.IsDirty(before))
        {
            FoldDirty(participant, new GfnRange(frame, TableGeometry<TFormat>.FramesPerEntry(level)));
        }

        if (wasPresent && !wasLeaf && (!isPresent || isLeaf))
        {
            FreezeTable(participant, PageTable.Of<TFormat>(before), level.Down, frame);
            return true;
        }

        return false;
    }

    /// <summary>Hands the tables that the participant cut off to the epoch domain. Every TLB was flushed since.</summary>
    internal void RetireUnlinkedTables(int participant)
    {
        while (_unlinked.TryTake(participant, out var table))
        {
            Core.Epochs.Retire(participant, table.Address, kind: 0);
        }

        _ = Core.Epochs.TryReclaim(participant);
    }

    public override void Dispose()
    {
        if (Core.BrokenBecause is not null)
        {
            // A section or lock that the violation left behind would be waited for without end. The pool owns the tables' memory.
            _unlinked.Abandon();
            _unlinked.Dispose();
            return;
        }

        var lane = Core.Participants.LeaseHostLane();
        Zap(lane, new GfnRange(default, FrameLimit.Value));
        Core.Epochs.Drain();
        Core.Pool.GiveBack(lane, _root);
        Core.Participants.ReturnHostLane(lane);
        _unlinked.Dispose();
    }

    private void CheckNoWalkOpen(int participant)
    {
        if (EngineChecks.Enabled)
        {
            EngineChecks.Require(Counters(participant)->OpenWalks == 0, "no walk is open when its section closes");
        }
    }

    // The table was unlinked, so nobody new comes; a fault that still stands in it either has its exchange done before an entry is
    // frozen, and is undone here, or fails. Accessed and Dirty bits that a walker sets until then go with the record of the exchange.
    private void FreezeTable(int participant, PageTable table, PagingLevel level, Gfn frame)
    {
        var leaves = 0L;
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            var entry = new Spte(Atomics.Exchange(table.Entry(index), TFormat.Frozen.Value));
            EngineChecks.Require(entry.Value != TFormat.Frozen.Value, "a table is cut off once (I4, I17)");
            if (!TFormat.IsPresent(entry))
            {
                continue;
            }

            if (TFormat.IsLeaf(entry, level))
            {
                leaves++;
                if (TFormat.IsDirty(entry))
                {
                    FoldDirty(participant, CoveredBy(index));
                }
            }
            else
            {
                FreezeTable(participant, PageTable.Of<TFormat>(entry), level.Down, CoveredBy(index).Start);
            }
        }

        Counters(participant)->Leaves[level.Value] -= leaves;
        _unlinked.Add(participant, table);

        GfnRange CoveredBy(int index)
        {
            var frames = TableGeometry<TFormat>.FramesPerEntry(level);
            return new GfnRange(frame.Plus((ulong)index * frames), frames);
        }
    }

    // SAFETY: tables are reached inside sections or windows and freed after flush and grace period; counters are the participant's own.
}
