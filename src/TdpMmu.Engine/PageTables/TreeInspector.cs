using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Machine;

namespace TdpMmu.PageTables;

/// <summary>Reads whole trees of idle machines, for dumps and for checking invariants.</summary>
internal static class TreeInspector
{
    /// <summary>All leaves in ascending order.</summary>
    internal static List<Mapping> ListMappings<TFormat>(PageTable root)
        where TFormat : struct, IPagingFormat
    {
        var mappings = new List<Mapping>();
        Visit<TFormat>(root, TableGeometry<TFormat>.RootLevel, default, (entry, level, frame) =>
        {
            if (TFormat.IsPresent(entry) && TFormat.IsLeaf(entry, level))
            {
                mappings.Add(new Mapping(
                    frame, level, TFormat.FrameOf(entry), TFormat.AccessOf(entry), TFormat.IsAccessed(entry), TFormat.IsDirty(entry)));
            }
        });
        return mappings;
    }

    /// <summary>Checks every entry's form, that no table is linked twice, and that the counters agree with the tree.</summary>
    /// <exception cref="InvariantViolationException">Something does not hold.</exception>
    internal static void Check<TFormat>(PageTable root, MachineCore core)
        where TFormat : struct, IPagingFormat
    {
        var tables = new HashSet<nint> { root.Address };
        var leaves = new long[TFormat.Levels + 1];
        Visit<TFormat>(root, TableGeometry<TFormat>.RootLevel, default, (entry, level, frame) =>
        {
            Demand(entry != TFormat.Frozen, $"I7: the linked entry at {frame}, {level}, is not frozen");
            Demand(TFormat.IsWellFormed(entry, level), $"I6, I9, I13: the entry {entry} at {frame}, {level}, is well-formed");
            if (!TFormat.IsPresent(entry))
            {
                return;
            }

            if (TFormat.IsLeaf(entry, level))
            {
                leaves[level.Value]++;
            }
            else
            {
                Demand(tables.Add(PageTable.Of<TFormat>(entry).Address), $"I3: the table at {frame}, {level}, is linked once");
            }
        });

        for (var level = 1; level <= TFormat.Levels; level++)
        {
            var counted = core.Counters.LeavesAt(new PagingLevel(level));
            Demand(counted == leaves[level], $"I25: {counted} leaves of level {level} are counted and {leaves[level]} are there");
        }

        var pending = core.Epochs.PendingCount;
        Demand(
            core.Pool.TablesInUse == tables.Count + pending,
            $"I3: {core.Pool.TablesInUse} tables are in use, {tables.Count} are linked and {pending} wait for a grace period");
    }

    private static void Visit<TFormat>(PageTable table, PagingLevel level, Gfn start, Action<Spte, PagingLevel, Gfn> visit)
        where TFormat : struct, IPagingFormat
    {
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            var entry = new Spte(Atomics.LoadAcquire(table.Entry(index)));
            var frame = start.Plus((ulong)index * TableGeometry<TFormat>.FramesPerEntry(level));
            visit(entry, level, frame);
            if (TFormat.IsPresent(entry) && !TFormat.IsLeaf(entry, level))
            {
                Visit<TFormat>(PageTable.Of<TFormat>(entry), level.Down, frame, visit);
            }
        }
    }

    private static void Demand(bool condition, string invariant)
    {
        if (!condition)
        {
            throw new InvariantViolationException($"The invariant does not hold: {invariant}.");
        }
    }
}
