using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using TdpMmu.PageTables;

namespace TdpMmu.Verification;

/// <summary>Participants fill their caches of tables where the pool has to grow, and is at its limit then.</summary>
internal sealed class TablePoolScenario() : BlockScenario(
    new Mix("two-for-two", static execution => TopUp(execution, participants: 2, limit: 2)),
    new Mix("two-for-one", static execution => TopUp(execution, participants: 2, limit: 1)),
    new Mix("three-for-two", static execution => TopUp(execution, participants: 3, limit: 2)),
    new Mix("two-with-plenty", static execution => TopUp(execution, participants: 2, limit: 64)),
    new Mix("two-near-the-limit", static execution => TopUp(execution, participants: 2, limit: 48, taken: 16)))
{
    internal override string Name => "table-pool";

    internal override string Summary => "a table has one owner at a time, and nobody goes without one while there is one or one is on its way";

    private static void TopUp(Execution execution, int participants, int limit, int taken = 0)
    {
        var pool = new PageTablePool(participants, (ulong)limit * PageGeometry.PageSize);
        var earlier = new Stack<PageTable>();
        while (earlier.Count < taken)
        {
            Require(pool.TryTopUp(0, 1), "There is no table although the limit is far.");
            earlier.Push(pool.Take(0));
        }

        var served = NewWord(execution, "participants with a table");
        for (var participant = 0; participant < participants; participant++)
        {
            var self = participant;
            execution.AddThread($"participant {self}", () =>
            {
                if (!pool.TryTopUp(self, 1))
                {
                    // All were taken: nobody gives one back before it is counted.
                    return;
                }

                Atomics.Add(served, 1);
                var table = pool.Take(self);
                Require(Atomics.LoadRelaxed(table.Entry(0)) == 0, "A table from the pool is not empty.");
                Atomics.StoreRelaxed(table.Entry(0), 1);
                Require(Atomics.LoadRelaxed(table.Entry(0)) == 1, "A table has two owners.");
                Atomics.StoreRelaxed(table.Entry(0), 0);
                pool.GiveBack(self, table);
                pool.Empty(self);
            });
        }

        execution.AtEnd(() =>
        {
            Require(Atomics.LoadRelaxed(served) >= (ulong)Math.Min(participants, limit), "A participant went without a table that was there.");
            Require(pool.TablesInUse == taken, "A table is lost.");
            var reserved = pool.ReservedBytes / (long)PageGeometry.PageSize;
            Require(reserved <= limit && (limit > participants || reserved == limit), "The pool did not grow to its limit, or beyond it.");
            while (earlier.TryPop(out var table))
            {
                pool.GiveBack(0, table);
            }
        });
        DisposeAtEnd(execution, pool);
    }
}
