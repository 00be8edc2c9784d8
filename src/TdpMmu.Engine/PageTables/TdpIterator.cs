using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Direct;
using TdpMmu.Formats;

namespace TdpMmu.PageTables;

/// <summary>
/// A pre-order walk over the entries that cover a range of frames: every entry once, parents before children.
/// </summary>
/// <remarks>
/// <para>The walk owns its announced section, or borrows the caller's. One that owns it yields when its budget of visited entries
/// is used up and it has moved since the last yield: it leaves the section, settles the flush that it owes, enters again and walks
/// from the root towards the same frame, so that nothing is skipped and upper levels may be seen twice. It cannot end
/// or yield with a flush owed, because both go through the same step.</para>
/// <para>The first entry of a level may begin below the range, and the last one end behind it: who acts on entries above level 1
/// compares the ranges. An entry is read again before the walk steps down through it, because the body may have replaced it.</para>
/// <para>Usage is <c>var walk = new TdpIterator…; try { while (walk.MoveNext()) … } finally { walk.Dispose(); }</c>. The type offers
/// no enumerator: a copy would own the same section.</para>
/// </remarks>
internal unsafe ref struct TdpIterator<TFormat, TLock>
    where TFormat : struct, IPagingFormat
    where TLock : struct, IMmuLock<TLock>
{
    /// <summary>Entries that a walk visits between two yields: some ten microseconds.</summary>
    internal const int YieldBudget = 2048;

    private readonly DirectMmu<TFormat, TLock> _mmu;
    private readonly int _participant;
    private readonly ulong _end;
    private readonly PagingLevel _lowest;
    private readonly WalkKind _kind;
    private TablePath _path;
    private AtomicWord _location;
    private Spte _current;
    private PagingLevel _level;
    private ulong _frame;
    private ulong _target;
    private ulong _yieldedAt;
    private int _budget;
    private bool _started;
    private bool _skip;
    private bool _inSection;
    private bool _indebted;
    private bool _flushPending;

    /// <summary>Prepares a walk; nothing is read before the first <see cref="MoveNext"/>.</summary>
    internal TdpIterator(DirectMmu<TFormat, TLock> mmu, int participant, GfnRange range, PagingLevel lowest, WalkKind kind)
    {
        EngineChecks.Require(lowest.Value >= 1 && lowest <= TableGeometry<TFormat>.RootLevel, "a walk's lowest level exists");
        _mmu = mmu;
        _participant = participant;
        _end = Math.Min(range.End.Value, TableGeometry<TFormat>.FrameLimit.Value);
        _lowest = lowest;
        _kind = kind;
        Unsafe.SkipInit(out _path);
        _target = range.Start.Value;
        _yieldedAt = ulong.MaxValue;
        _budget = mmu.WalkBudget;
        CountOpenWalk(1);
    }

    /// <summary>The entry's level.</summary>
    internal readonly PagingLevel Level => _level;

    /// <summary>The first frame that the entry covers.</summary>
    internal readonly Gfn Frame => new(_frame);

    /// <summary>The frames that the entry covers.</summary>
    internal readonly GfnRange Range => new(Frame, TableGeometry<TFormat>.FramesPerEntry(_level));

    /// <summary>The entry as it was last read.</summary>
    internal readonly Spte Current => _current;

    /// <summary>Whether the entry points to a table.</summary>
    internal readonly bool IsTable
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.IsPresent(_current) && !TFormat.IsLeaf(_current, _level);
    }

    /// <summary>Steps to the next entry.</summary>
    /// <returns>False when the range is walked.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool MoveNext()
    {
        if (!_started)
        {
            _started = true;
            EnterSection();
            Restart();
        }
        else if (--_budget <= 0 && _target != _yieldedAt)
        {
            Yield();
        }
        else if (!Step())
        {
            return false;
        }

        return _frame < _end;
    }

    /// <summary>
    /// Steps down, from the root or from the current entry, to the entry of the walk's first frame at <paramref name="goal"/>, or to the
    /// first entry on the way that is not a table. For walks of one frame, which neither yield nor step aside.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void DescendTo(PagingLevel goal)
    {
        var frame = new Gfn(_target);
        var level = _level;
        var table = _mmu.Root;
        if (_started)
        {
            // The entry is read again: the body may have replaced it.
            Read();
            if (level <= goal || !IsTable)
            {
                return;
            }

            level = level.Down;
            table = PageTable.Of<TFormat>(_current);
        }
        else
        {
            _started = true;
            level = TableGeometry<TFormat>.RootLevel;
        }

        while (true)
        {
            var location = table.Entry(TableGeometry<TFormat>.IndexOf(frame, level));
            var entry = new Spte(Atomics.LoadAcquire(location));
            if (level <= goal || !TFormat.IsPresent(entry) || TFormat.IsLeaf(entry, level))
            {
                _location = location;
                _current = entry;
                _level = level;
                _frame = frame.AlignDown(TableGeometry<TFormat>.FramesPerEntry(level)).Value;
                return;
            }

            table = PageTable.Of<TFormat>(entry);
            level = level.Down;
        }
    }

    /// <summary>
    /// Changes the entry from the value last read, with all bookkeeping. When it returns false another walk or the processor has
    /// changed the entry first, nothing was done, and <see cref="Current"/> is what is there now.
    /// </summary>
    internal bool TrySet(Spte value)
    {
        if (EngineChecks.Enabled)
        {
            EngineChecks.Require(_kind == WalkKind.Borrowed || _inSection, "entries change inside sections");
            EngineChecks.Require(_current != TFormat.Frozen && value != TFormat.Frozen, "a frozen entry is changed by its owner only (I17)");
            EngineChecks.Require(TFormat.IsWellFormed(value, _level), "entries are well-formed (I6, I9, I13)");
        }

        var takesAway = DirectMmu<TFormat, TLock>.TakesPermissionAway(_current, value, _level);
        if (takesAway && !_indebted)
        {
            if (_kind == WalkKind.Borrowed)
            {
                // Nobody would pay the debt.
                throw new InvariantViolationException("Faults only add permissions (B17).");
            }

            // Counted before the exchange, so that whoever sees the changed entry also sees the debt.
            _mmu.Flush.Incur();
            _indebted = true;
        }

        var seen = Atomics.CompareExchange(_location, value.Value, _current.Value);
        if (seen != _current.Value)
        {
            _current = new Spte(seen);
            return false;
        }

        var before = _current;
        _current = value;
        _flushPending |= takesAway;
        if (_mmu.OnEntryChanged(_participant, Frame, _level, before, value))
        {
            _budget -= TableGeometry<TFormat>.EntriesPerTable;
        }

        return true;
    }

    /// <summary>Does not step down through the current entry.</summary>
    internal void SkipChildren() => _skip = true;

    /// <summary>Ends the walk: leaves the section and settles what is owed.</summary>
    internal void Dispose()
    {
        CountOpenWalk(-1);
        if (_kind != WalkKind.Borrowed)
        {
            LeaveSection();
            SettleFlush();
        }
    }

    // Counted for the check that no walk is open when its section closes.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly void CountOpenWalk(int change)
    {
        if (EngineChecks.Enabled)
        {
            _mmu.Counters(_participant)->OpenWalks += change;
        }
    }

    private bool Step()
    {
        if (!_skip && TryStepDown())
        {
            return true;
        }

        _skip = false;
        while (!TryStepSide())
        {
            if (!TryStepUp())
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryStepDown()
    {
        if (_level <= _lowest)
        {
            return false;
        }

        Read();
        if (!IsTable)
        {
            return false;
        }

        _level = _level.Down;
        _frame = new Gfn(Math.Max(_target, _frame)).AlignDown(TableGeometry<TFormat>.FramesPerEntry(_level)).Value;
        Enter(PageTable.Of<TFormat>(_current));
        return true;
    }

    private bool TryStepSide()
    {
        if (TableGeometry<TFormat>.IndexOf(Frame, _level) == TableGeometry<TFormat>.EntriesPerTable - 1)
        {
            return false;
        }

        _frame += TableGeometry<TFormat>.FramesPerEntry(_level);
        _target = _frame;
        _location = _location.At(1);
        Read();
        return true;
    }

    private bool TryStepUp()
    {
        if (_level == TableGeometry<TFormat>.RootLevel)
        {
            return false;
        }

        _level = _level.Up;
        _frame = Frame.AlignDown(TableGeometry<TFormat>.FramesPerEntry(_level)).Value;
        Enter(_path[_level.Value]);
        return true;
    }

    private void Restart()
    {
        _level = TableGeometry<TFormat>.RootLevel;
        _frame = new Gfn(_target).AlignDown(TableGeometry<TFormat>.FramesPerEntry(_level)).Value;
        _skip = false;
        Enter(_mmu.Root);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Enter(PageTable table)
    {
        _path[_level.Value] = table;
        _location = table.Entry(TableGeometry<TFormat>.IndexOf(Frame, _level));
        Read();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Read() => _current = new Spte(Atomics.LoadAcquire(_location));

    private void Yield()
    {
        CountOpenWalk(-1);
        var contended = _mmu.IsLockContended;
        LeaveSection();
        SettleFlush();
        if (contended)
        {
            _mmu.StayOut();
        }

        CountOpenWalk(1);
        _yieldedAt = _target;
        _budget = _mmu.WalkBudget;
        EnterSection();
        Restart();
    }

    private void EnterSection()
    {
        if (_kind == WalkKind.Exclusive)
        {
            _mmu.EnterExclusive(_participant);
        }
        else if (_kind == WalkKind.Shared)
        {
            _mmu.EnterShared(_participant);
        }

        _inSection = true;
    }

    private void LeaveSection()
    {
        if (!_inSection)
        {
            return;
        }

        _inSection = false;
        if (_kind == WalkKind.Exclusive)
        {
            _mmu.LeaveExclusive(_participant);
        }
        else if (_kind == WalkKind.Shared)
        {
            _mmu.LeaveShared(_participant);
        }
    }

    private void SettleFlush()
    {
        if (_flushPending)
        {
            _flushPending = false;
            _mmu.Flush.Flush(_participant);
            _mmu.RetireUnlinkedTables(_participant);
        }

        if (_indebted)
        {
            _indebted = false;
            _mmu.Flush.Pay();
        }
    }

    // SAFETY: locations lie in tables that the walk reached inside its section; a table that is unlinked meanwhile stays mapped until
    // the section is left, and its entries are frozen, so that an exchange from a value read earlier fails.
}
