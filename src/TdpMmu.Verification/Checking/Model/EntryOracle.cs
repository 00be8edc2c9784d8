using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Interleaving;
using TdpMmu.Machine;
using TdpMmu.PageTables;

namespace TdpMmu.Verification;

/// <summary>
/// The abstract map from frames to host frames, rights, history and level, which every change of an entry must refine; and the life
/// of every table.
/// </summary>
/// <typeparam name="TFormat">The layout of entries.</typeparam>
internal sealed class EntryOracle<TFormat> : IMemoryObserver
    where TFormat : struct, IPagingFormat
{
    private readonly Execution _execution;
    private readonly nint _knowledge;
    private readonly Dictionary<nint, TableModel> _tables = [];
    private readonly SortedDictionary<ulong, Mapping> _map = [];
    private TableModel? _root;
    private long _clock;

    /// <summary>Creates an oracle.</summary>
    /// <param name="execution">What it observes.</param>
    /// <param name="knowledge">The word that is noted when what the rules say changes.</param>
    internal EntryOracle(Execution execution, nint knowledge)
    {
        _execution = execution;
        _knowledge = knowledge;
    }

    /// <summary>The machine's rules: slots, invalidations, who may do what. Null until the machine exists.</summary>
    internal MachineRules? Rules { get; set; }

    /// <summary>Every vCPU's TLB. Null until the machine exists.</summary>
    internal TlbAdversary? Tlbs { get; set; }

    private static ulong PageMask => ~(PageGeometry.PageSize - 1);

    public void Written(nint address, int size, ulong before, ulong after)
    {
        if (_tables.TryGetValue((nint)((ulong)address & PageMask), out var table))
        {
            EntryWritten(table, (int)((ulong)address & ~PageMask) / sizeof(ulong), new Spte(before), new Spte(after));
        }
        else
        {
            Tlbs?.Written(address);
        }
    }

    public void Readmitted(nint address, nuint bytes)
    {
        if (bytes != (nuint)PageGeometry.PageSize)
        {
            return;
        }

        var table = new TableModel(address);
        _tables.Add(address, table);
        _execution.Label(address, (nint)PageGeometry.PageSize, $"table {_tables.Count - 1}");
        _execution.Watch(address, TableGeometry<TFormat>.EntriesPerTable * sizeof(ulong), _knowledge);
        if (_root is null)
        {
            // The first table that leaves the pool is the root: the machine takes it while it is made.
            _root = table;
            table.Life = TableLife.Linked;
            table.Level = TableGeometry<TFormat>.RootLevel;
        }
    }

    public void Quarantined(nint address, nuint bytes)
    {
        if (_tables.Remove(address, out var table))
        {
            if (table.Life == TableLife.Linked && !ReferenceEquals(table, _root))
            {
                throw new FindingException($"The table that maps frames from {table.Start} goes back to the pool while it is linked.");
            }

            Tlbs?.RequireNone($"the table that mapped frames from {table.Start} goes back to the pool", removal => removal.IsTable && removal.Host == HostOf(table));
        }
        else if (Tlbs is not null)
        {
            RequireUnmapped(new Pfn((ulong)address >> PageGeometry.PageShift));
        }
    }

    /// <summary>Fails if a host page that is about to change hands is mapped, or may still be used through a TLB.</summary>
    internal void RequireUnmapped(Pfn host)
    {
        foreach (var mapping in _map.Values)
        {
            if (host.Value - mapping.Host.Value < TableGeometry<TFormat>.FramesPerEntry(mapping.Level))
            {
                throw new FindingException($"The host takes the page back that frame {mapping.Frame} is mapped to.");
            }
        }

        Tlbs!.RequireNone("the host takes a page back", removal => !removal.IsTable && removal.Lost != GuestAccess.None && host.Value - removal.Host.Value < removal.Frames.Count);
    }

    /// <summary>What is mapped.</summary>
    internal IEnumerable<Mapping> Mappings => _map.Values;

    /// <summary>Fails if a mapping that existed at a moment is left in a range.</summary>
    internal void RequireGone(string why, GfnRange range, long existedBefore)
    {
        foreach (var table in _tables.Values.Where(static table => table.Life == TableLife.Linked))
        {
            for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
            {
                var entry = new Spte(RawMemory.Load(table.Address + (index * sizeof(ulong)), sizeof(ulong)));
                if (TFormat.IsPresent(entry) && TFormat.IsLeaf(entry, table.Level)
                    && table.Created[index] < existedBefore && CoveredBy(table, index).Overlaps(range))
                {
                    throw new FindingException($"{why}, but the mapping of {CoveredBy(table, index)} that was there before still is.");
                }
            }
        }

        Tlbs!.RequireNone(why, removal => !removal.IsTable && removal.Lost != GuestAccess.None && removal.Created < existedBefore && removal.Frames.Overlaps(range));
    }

    /// <summary>The moment, on the scale of <see cref="RequireGone"/>.</summary>
    internal long Tick() => ++_clock;

    private static Pfn HostOf(TableModel table) => new((ulong)table.Address >> PageGeometry.PageShift);

    private static GfnRange CoveredBy(TableModel table, int index)
    {
        var frames = TableGeometry<TFormat>.FramesPerEntry(table.Level);
        return new GfnRange(table.Start.Plus((ulong)index * frames), frames);
    }

    private static bool IsTable(Spte entry, PagingLevel level) => TFormat.IsPresent(entry) && !TFormat.IsLeaf(entry, level);

    private static bool IsLeaf(Spte entry, PagingLevel level) => TFormat.IsPresent(entry) && TFormat.IsLeaf(entry, level);

    private void EntryWritten(TableModel table, int index, Spte before, Spte after)
    {
        if (table.Life == TableLife.Private || before == after)
        {
            return;
        }

        var range = CoveredBy(table, index);
        var place = $"The entry of {range}, level {table.Level.Value}";
        if (index >= TableGeometry<TFormat>.EntriesPerTable)
        {
            throw new FindingException($"A word behind the entries of the table at {table.Start} is written.");
        }

        if (before == TFormat.Frozen)
        {
            throw new FindingException($"{place} was frozen and is changed to {after} (I17).");
        }

        if (!TFormat.IsWellFormed(after, table.Level))
        {
            throw new FindingException($"{place} is changed from {before} to {after}, which is not well-formed (I6, I9, I13).");
        }

        if (after == TFormat.Frozen && table.Life == TableLife.Linked)
        {
            throw new FindingException($"{place} is frozen while its table is linked.");
        }

        if (IsLeaf(before, table.Level) && IsLeaf(after, table.Level) && TFormat.FrameOf(before) != TFormat.FrameOf(after))
        {
            throw new FindingException($"{place} changes its host frame in place, from {before} to {after} (I8).");
        }

        if (table.Life == TableLife.Linked)
        {
            Rules!.CheckChange<TFormat>(place, range, table.Level, before, after);
            TakeAway(table, index, range, before, after);
        }
        else if (IsLeaf(after, table.Level) && !IsLeaf(before, table.Level))
        {
            // Only who came by an entry from before the table was cut off gets here: it goes with that entry.
            Tlbs!.Remove(new TlbAdversary.Removal(range, TFormat.FrameOf(after), IsTable: false, TFormat.AccessOf(after), LostDirty: false, table.LinkedAt), table.UnlinkedAt);
        }

        if (TFormat.IsPresent(after) && (!TFormat.IsPresent(before) || TFormat.IsLeaf(before, table.Level) != TFormat.IsLeaf(after, table.Level)))
        {
            table.Created[index] = ++_clock;
        }

        if (IsTable(before, table.Level) && !(IsTable(after, table.Level) && TFormat.FrameOf(before) == TFormat.FrameOf(after)))
        {
            Unlink(TableOf(before), range);
        }

        if (IsTable(after, table.Level) && !(IsTable(before, table.Level) && TFormat.FrameOf(before) == TFormat.FrameOf(after)))
        {
            Link(TableOf(after), table.Level.Down, range.Start, table.Life, carries: IsLeaf(before, table.Level) ? before : default);
        }

        if (table.Life == TableLife.Linked)
        {
            Refine(range, table.Level, after);
        }
    }

    // What a TLB may keep from before the change.
    private void TakeAway(TableModel table, int index, GfnRange range, Spte before, Spte after)
    {
        if (!IsLeaf(before, table.Level))
        {
            return;
        }

        var kept = IsLeaf(after, table.Level) ? TFormat.AccessOf(after)
            : IsTable(after, table.Level) ? TFormat.AccessOf(before)
            : GuestAccess.None;
        var lost = TFormat.AccessOf(before) & ~kept;
        var lostDirty = TFormat.IsDirty(before) && IsLeaf(after, table.Level) && !TFormat.IsDirty(after);
        if (lost != GuestAccess.None || lostDirty)
        {
            Rules!.CheckTakesAway(range, lostDirty && lost == GuestAccess.None);
            Tlbs!.Remove(new TlbAdversary.Removal(range, TFormat.FrameOf(before), IsTable: false, lost, lostDirty, table.Created[index]));
        }
    }

    private TableModel TableOf(Spte entry) =>
        _tables.TryGetValue((nint)(TFormat.FrameOf(entry).Value << PageGeometry.PageShift), out var table)
            ? table
            : throw new FindingException($"The entry {entry} points to memory that is not a table in use.");

    private void Link(TableModel table, PagingLevel level, Gfn start, TableLife life, Spte carries)
    {
        if (table.Life != TableLife.Private)
        {
            throw new FindingException($"The table that maps frames from {table.Start} is linked twice (I3).");
        }

        table.Life = life;
        table.Level = level;
        table.Start = start;
        table.LinkedAt = ++_clock;
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            var entry = new Spte(RawMemory.Load(table.Address + (index * sizeof(ulong)), sizeof(ulong)));
            if (!TFormat.IsPresent(entry) && entry == TFormat.NonPresent && carries == default)
            {
                continue;
            }

            var expected = carries == default ? TFormat.NonPresent : TFormat.MakeSplitChild(carries, level.Up, index);
            if (entry != expected)
            {
                throw new FindingException($"The table for frames from {start} is linked with the entry {entry} at {index}, where {expected} belongs.");
            }

            table.Created[index] = _clock;
            if (life == TableLife.Linked)
            {
                Refine(CoveredBy(table, index), level, entry);
            }
        }
    }

    private void Unlink(TableModel table, GfnRange range)
    {
        if (table.Life != TableLife.Linked)
        {
            throw new FindingException($"The table for {range} is cut off and was not linked.");
        }

        table.Life = TableLife.Unlinked;
        for (var frame = range.Start.Value; frame < range.End.Value; frame++)
        {
            _map.Remove(frame);
        }

        table.UnlinkedAt = Tlbs!.Remove(new TlbAdversary.Removal(range, HostOf(table), IsTable: true, GuestAccess.None, LostDirty: false, table.LinkedAt));
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            var entry = new Spte(RawMemory.Load(table.Address + (index * sizeof(ulong)), sizeof(ulong)));
            if (IsTable(entry, table.Level))
            {
                Unlink(TableOf(entry), CoveredBy(table, index));
            }
            else if (IsLeaf(entry, table.Level))
            {
                var leaf = new TlbAdversary.Removal(
                    CoveredBy(table, index), TFormat.FrameOf(entry), IsTable: false, TFormat.AccessOf(entry), LostDirty: false, table.Created[index]);
                Tlbs!.Remove(leaf, table.UnlinkedAt);
            }
        }
    }

    private void Refine(GfnRange range, PagingLevel level, Spte after)
    {
        if (IsLeaf(after, level))
        {
            _map[range.Start.Value] = new Mapping(
                range.Start, level, TFormat.FrameOf(after), TFormat.AccessOf(after), TFormat.IsAccessed(after), TFormat.IsDirty(after));
        }
        else
        {
            _map.Remove(range.Start.Value);
        }
    }
}
