using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.PageTables;

namespace TdpMmu.Direct;

/// <content>How large mappings are split.</content>
internal sealed unsafe partial class DirectMmu<TFormat, TLock>
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    // Replaces a large leaf by a table of leaves that map the same. No flush: old and new translations are equivalent.
    private bool TrySplit(ref TdpIterator<TFormat, TLock> walk, int participant)
    {
        var leaf = walk.Current;
        var level = walk.Level;
        var table = Core.Pool.Take(participant);
        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            // Plain stores: nobody can reach the table before the exchange that links it, which orders them.
            Atomics.StoreRelaxed(table.Entry(index), TFormat.MakeSplitChild(leaf, level, index).Value);
        }

        if (walk.TrySet(TFormat.MakeTable(table.Frame)))
        {
            Counters(participant)->Leaves[level.Down.Value] += TableGeometry<TFormat>.EntriesPerTable;
            return true;
        }

        for (var index = 0; index < TableGeometry<TFormat>.EntriesPerTable; index++)
        {
            Atomics.StoreRelaxed(table.Entry(index), TFormat.NonPresent.Value);
        }

        Core.Pool.GiveBack(participant, table);
        return walk.IsTable;
    }

    // SAFETY: a table that is being filled belongs to this participant until it is linked; counters are the participant's own.
}
