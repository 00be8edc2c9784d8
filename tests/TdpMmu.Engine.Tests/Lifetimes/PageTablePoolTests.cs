using TdpMmu.Concurrency;
using TdpMmu.Engine.Tests.Support;
using TdpMmu.PageTables;

namespace TdpMmu.Engine.Tests.Lifetimes;

/// <summary>Tables have one owner, are empty when they come, and do not become more than the limit allows.</summary>
public sealed class PageTablePoolTests : EngineTest
{
    private const int Participants = 3;

    [Theory]
    [InlineData(5, 1)]
    [InlineData(40, 2)]
    [InlineData(100, 3)]
    [InlineData(1000, 4)]
    public void Whatever_participants_do_a_table_has_one_owner(int limit, int seed)
    {
        var random = new Random(seed);
        using var pool = new PageTablePool(Participants, (ulong)limit * PageGeometry.PageSize);
        var owned = new Stack<PageTable>[] { new(), new(), new() };
        var addresses = new HashSet<nint>();
        for (var turn = 0; turn < 4000; turn++)
        {
            var participant = random.Next(Participants);
            switch (random.Next(8))
            {
                case < 5 when pool.TryTopUp(participant, random.Next(1, 5)):
                    var table = pool.Take(participant);
                    Assert.True(addresses.Add(table.Address));
                    Assert.Equal(0UL, Atomics.LoadRelaxed(table.Entry(0)));
                    Atomics.StoreRelaxed(table.Entry(0), 1);
                    owned[participant].Push(table);
                    break;
                case < 7 when owned[random.Next(Participants)].TryPop(out var back):
                    Atomics.StoreRelaxed(back.Entry(0), 0);
                    addresses.Remove(back.Address);
                    pool.GiveBack(participant, back);
                    break;
                case 7 when random.Next(10) == 0:
                    pool.Empty(participant);
                    break;
                default:
                    break;
            }

            Assert.Equal(addresses.Count, pool.TablesInUse);
            Assert.InRange(pool.ReservedBytes, addresses.Count * (long)PageGeometry.PageSize, limit * (long)PageGeometry.PageSize);
        }
    }

    [Theory]
    [InlineData(60)]
    [InlineData(300)]
    [InlineData(5000)]
    public void What_others_gave_back_is_enough_for_one(int limit)
    {
        using var pool = new PageTablePool(Participants, (ulong)limit * PageGeometry.PageSize);
        for (var participant = 0; participant < Participants; participant++)
        {
            Assert.True(pool.TryTopUp(participant, 1));
            pool.Empty(participant);
        }

        // Neither tables nor the right to bring some stay behind: one participant gets all that the limit allows.
        for (var table = 0; table < limit; table++)
        {
            Assert.True(pool.TryTopUp(0, 1));
            _ = pool.Take(0);
        }

        Assert.False(pool.TryTopUp(0, 1));
        Assert.Equal(limit, pool.TablesInUse);
        Assert.Equal(limit * (long)PageGeometry.PageSize, pool.ReservedBytes);
    }

    [Fact]
    public void What_lies_idle_is_no_more_than_what_is_used()
    {
        using var pool = new PageTablePool(Participants, 1UL << 30);
        for (var table = 1; table <= 1000; table++)
        {
            Assert.True(pool.TryTopUp(1, 1));
            _ = pool.Take(1);
            Assert.InRange(pool.ReservedBytes / (long)PageGeometry.PageSize, table, Math.Max(8, Math.Min(2 * table, table + 64)));
        }
    }
}
