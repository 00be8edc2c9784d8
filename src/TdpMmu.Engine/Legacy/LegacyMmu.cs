using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.PageTables;
using TdpMmu.Translation;

namespace TdpMmu.Legacy;

/// <summary>
/// The MMU that the direct one replaces: one lock around everything that touches tables, a shadow page beside each table, and
/// reverse maps through which mappings are taken away.
/// </summary>
/// <typeparam name="TFormat">The layout of entries.</typeparam>
/// <remarks>
/// <para>It works as KVM's shadow MMU did for two-dimensional paging before 2020: tables are found by frame and level in a hash
/// table, each knows the entries that point to it, and each mapped frame the entries that map it. A range is taken away
/// frame by frame through the reverse maps.</para>
/// <para>It differs where the machine around it does, and where a comparison with the direct MMU would otherwise be of unlike
/// things. Host pages come in outside the lock, and TLBs are flushed after the lock was given back. A large mapping is split and
/// not dropped when it has to become small. Tables that a range contains and that are empty go with the range, where KVM kept
/// them until the slot went or tables ran short; the latter is here too.</para>
/// <para>Entries change under the lock. Walkers still set Accessed and Dirty bits, and fast faults the right to write, so that an
/// entry that is present is replaced atomically, and what follows is done for the value that was really there (I16).</para>
/// </remarks>
internal sealed unsafe partial class LegacyMmu<TFormat> : Mmu
    where TFormat : struct, IPagingFormat
{
    private readonly ParkingLock _lock;
    private readonly ShadowPageTable _pages = new();
    private readonly ReverseMaps<TFormat> _maps = new();
    private readonly NativeObjectPool _pagePool;
    private readonly NativeObjectPool _descriptorPool;
    private readonly UnlinkedTables _unlinked;
    private readonly ShadowPage* _root;
    private readonly PageTable _rootTable;

    internal LegacyMmu(MachineCore core)
        : base(core)
    {
        _lock = new ParkingLock(core.Participants.LockLines.LowHalf);
        _pagePool = new NativeObjectPool(core.Participants.Count, sizeof(ShadowPage));
        _descriptorPool = new NativeObjectPool(core.Participants.Count, sizeof(EntryDescriptor));
        _unlinked = new UnlinkedTables(core.Participants.Count);
        var lane = core.Participants.LeaseHostLane();
        TopUp(lane, 1);
        _root = CreatePage(lane, default, TableGeometry<TFormat>.RootLevel);
        _rootTable = _root->Table;
        core.Pool.Empty(lane);
        core.Participants.ReturnHostLane(lane);
    }

    /// <summary>Whether somebody waits for the lock.</summary>
    internal bool IsLockContended => _lock.IsContended;

    internal override string FormatName => TFormat.Name;

    internal override string? LockName => null;

    internal override Gfn FrameLimit => TableGeometry<TFormat>.FrameLimit;

    internal override long MetadataBytes => _maps.Bytes + _pages.Bytes + _pagePool.InUseBytes + _descriptorPool.InUseBytes;

    /// <summary>Entries that an operation on a range visits before it gives the lock to others; tests make it small.</summary>
    internal int PassBudget { get; set; } = 2048;

    internal override WalkStatus Walk(Gfn frame, GuestAccess access, out Pfn host, out GuestAccess permitted) =>
        NestedWalker.Walk<TFormat>(_rootTable, frame, access, out host, out permitted);

    internal override PagingLevel HighestLevelFor(Gfn frame, Pfn host, PagingLevel limit) =>
        LevelChoice.HighestFor<TFormat>(frame, host, limit);

    internal override void OnSlotAdding(GfnRange range)
    {
        var map = new SlotReverseMap<TFormat>(range);
        _lock.Enter();
        _maps.Add(map);
        _lock.Exit();
    }

    internal override void OnSlotRemoved(GfnRange range)
    {
        _lock.Enter();
        var map = _maps.Remove(range);
        _lock.Exit();
        EngineChecks.Require(!EngineChecks.Enabled || IsEmpty(map), "nothing maps a slot that was deleted");
        map.Dispose();
    }

    public override void Dispose()
    {
        if (Core.BrokenBecause is null)
        {
            var lane = Core.Participants.LeaseHostLane();
            Zap(lane, new GfnRange(default, FrameLimit.Value));
            Core.Epochs.Drain();
            EngineChecks.Require(_pages.Count == 1, "every table but the root goes with its range");
            Core.Pool.GiveBack(lane, _rootTable);
            Core.Participants.ReturnHostLane(lane);
        }
        else
        {
            // What a violation left behind is not to be relied on; the pools own the memory of tables and structures.
            _unlinked.Abandon();
        }

        _unlinked.Dispose();
        _maps.Dispose();
        _pages.Dispose();
        _descriptorPool.Dispose();
        _pagePool.Dispose();
    }

    /// <summary>Takes the lock, counting a wait, and enters an announced section: nobody waits for a lock inside one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void EnterLocked(int participant)
    {
        if (!_lock.TryEnter())
        {
            AwaitLock(participant);
        }

        Core.Epochs.Enter(participant);
    }

    /// <summary>Leaves the section and gives the lock back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void LeaveLocked(int participant)
    {
        Core.Epochs.Leave(participant);
        _lock.Exit();
    }

    /// <summary>Announces that permissions are about to be taken away.</summary>
    internal void IncurFlush() => Core.Flush.Incur();

    /// <summary>Flushes the TLBs and hands over the tables that the participant cut off before. Called without the lock.</summary>
    internal void FlushAndRetire(int participant)
    {
        Core.Flush.Flush(participant);
        while (_unlinked.TryTake(participant, out var table))
        {
            Core.Epochs.Retire(participant, table.Address, kind: 0);
        }

        _ = Core.Epochs.TryReclaim(participant);
    }

    /// <summary>Withdraws what <see cref="IncurFlush"/> announced.</summary>
    internal void PayFlush() => Core.Flush.Pay();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AwaitLock(int participant)
    {
        using var wait = new LockWait(Core.Participants, participant);
        _lock.Enter();
    }

    // The one place for what follows from a changed entry, besides the reverse map that the caller keeps. Inlined where callers know
    // what the entry was or becomes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void OnEntryChanged(int participant, Gfn frame, PagingLevel level, Spte before, Spte after)
    {
        if (EngineChecks.Enabled)
        {
            CheckChange(level, before, after);
        }

        if (MmuEventSource.Log.IsEnabled())
        {
            MmuEventSource.Log.EntryChanged(frame.Value, level.Value, before.Value, after.Value);
        }

        var wasLeaf = TFormat.IsPresent(before) && TFormat.IsLeaf(before, level);
        var isLeaf = TFormat.IsPresent(after) && TFormat.IsLeaf(after, level);
        if (wasLeaf != isLeaf)
        {
            CountersOf(participant)->Leaves[level.Value] += isLeaf ? 1 : -1;
        }

        if (wasLeaf && !TFormat.IsPresent(after) && TFormat.IsDirty(before))
        {
            FoldDirty(participant, new GfnRange(frame, TableGeometry<TFormat>.FramesPerEntry(level)));
        }
    }

    private static void CheckChange(PagingLevel level, Spte before, Spte after)
    {
        EngineChecks.Require(TFormat.IsWellFormed(after, level), "entries are well-formed (I6, I9, I13)");
        EngineChecks.Require(
            !TFormat.IsPresent(before) || !TFormat.IsPresent(after)
                || !TFormat.IsLeaf(before, level) || !TFormat.IsLeaf(after, level)
                || TFormat.FrameOf(before) == TFormat.FrameOf(after),
            "the frame of a present leaf never changes in place (I8)");
    }

    // SAFETY: shadow pages and reverse maps are followed under the lock. Tables are followed under it too, or inside sections and
    // windows, and are freed after flush and grace period. Counters are the participant's own.
}
