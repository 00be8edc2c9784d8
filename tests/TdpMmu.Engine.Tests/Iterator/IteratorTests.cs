using TdpMmu.Concurrency;
using TdpMmu.Engine.Tests.Support;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.PageTables;
using Mmu = TdpMmu.Direct.DirectMmu<TdpMmu.Formats.Ept<TdpMmu.Engine.Tests.Iterator.ThreeByTwo>, TdpMmu.Concurrency.RcuLock>;
using Walk = TdpMmu.PageTables.TdpIterator<TdpMmu.Formats.Ept<TdpMmu.Engine.Tests.Iterator.ThreeByTwo>, TdpMmu.Concurrency.RcuLock>;

namespace TdpMmu.Engine.Tests.Iterator;

/// <summary>The order, the bounds and the yields of a walk, on tables small enough to look at every range.</summary>
public sealed class IteratorTests : EngineTest
{
    private const ulong Frames = 64;

    [Fact]
    public void Every_walk_visits_what_a_recursion_over_the_tables_visits()
    {
        var (machine, mmu) = Create([0, 1, 5, 15, 16, 40, 63]);
        for (var start = 0UL; start <= Frames; start++)
        {
            for (var end = start; end <= Frames + 3; end++)
            {
                for (var lowest = 1; lowest <= 3; lowest++)
                {
                    var range = new GfnRange(new Gfn(start), end - start);
                    Assert.Equal(Expected(mmu, range, lowest), Visit(machine, mmu, range, lowest, budget: int.MaxValue));
                }
            }
        }
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(5), InlineData(7)]
    public void Yielding_at_every_opportunity_skips_nothing_and_always_gets_on(int budget)
    {
        var (machine, mmu) = Create([.. Enumerable.Range(0, 64).Where(static frame => frame % 3 != 1).Select(static frame => (ulong)frame)]);
        for (var start = 0UL; start < Frames; start += 3)
        {
            for (var end = start + 1; end <= Frames; end += 5)
            {
                for (var lowest = 1; lowest <= 3; lowest++)
                {
                    var range = new GfnRange(new Gfn(start), end - start);
                    var visits = Visit(machine, mmu, range, lowest, budget);

                    // B8: what a yield interrupts is gone on with, so each entry is visited; upper levels may be seen again.
                    Assert.Equal(Expected(mmu, range, lowest).Order(), visits.Distinct().Order());

                    // B3, I20: between two restarts the walk has moved, so no frame of the lowest level is visited more than twice.
                    Assert.All(visits.GroupBy(static visit => visit).Where(group => group.Key.Level == lowest), static group => Assert.InRange(group.Count(), 1, 2));
                }
            }
        }
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(4)]
    public void Zaps_that_yield_at_every_opportunity_take_exactly_their_range(int budget)
    {
        for (var start = 0UL; start < Frames; start++)
        {
            for (var end = start; end <= Frames; end += 3)
            {
                var (machine, mmu) = Create([.. Enumerable.Range(0, 64).Select(static frame => (ulong)frame)]);
                mmu.WalkBudget = budget;
                machine.Zap(new GfnRange(new Gfn(start), end - start));
                Assert.Equal(
                    Enumerable.Range(0, 64).Select(static frame => (ulong)frame).Where(frame => frame < start || frame >= end),
                    mmu.ListMappings().Select(static mapping => mapping.Frame.Value));
                mmu.CheckTables();
                Assert.Equal(0UL, machine.Core.Flush.OutstandingDebt);
                Assert.Equal(0, machine.Core.Epochs.PendingCount);
            }
        }
    }

    [Fact]
    public void A_walk_steps_down_through_what_the_body_has_just_put_in_and_not_where_it_says_no()
    {
        var (machine, mmu) = Create([21]);
        machine.OnHostLane(lane =>
        {
            var walk = new Walk(mmu, lane, new GfnRange(default, Frames), PagingLevel.Page4KiB, WalkKind.Shared);
            var seen = new List<(int Level, ulong Frame)>();
            while (walk.MoveNext())
            {
                seen.Add((walk.Level.Value, walk.Frame.Value));
                if (walk.IsTable && walk.Level.Value == 3)
                {
                    Assert.True(walk.TrySet(default));
                    Assert.False(walk.IsTable);
                }
            }

            walk.Dispose();
            Assert.Equal([(3, 0UL), (3, 16UL), (3, 32UL), (3, 48UL)], seen);
            return true;
        });
        Assert.Empty(mmu.ListMappings());
        machine.Vcpus[0].Run(static vcpu => vcpu.Store(new Gfn(21).Address, 1));
        machine.OnHostLane(lane =>
        {
            var walk = new Walk(mmu, lane, new GfnRange(default, Frames), PagingLevel.Page4KiB, WalkKind.Shared);
            var levels = new List<int>();
            while (walk.MoveNext())
            {
                levels.Add(walk.Level.Value);
                if (walk.Level.Value == 2)
                {
                    walk.SkipChildren();
                }
            }

            walk.Dispose();
            Assert.Equal([3, 3, 2, 2, 2, 2, 3, 3], levels);
            return true;
        });
    }

    [Fact]
    public void A_lost_exchange_has_no_effect_and_shows_what_is_there()
    {
        var (machine, mmu) = Create([0]);
        machine.OnHostLane(lane =>
        {
            var first = new Walk(mmu, lane, new GfnRange(default, 1), PagingLevel.Page4KiB, WalkKind.Shared);
            while (first.MoveNext() && first.Level.Value != 1)
            {
            }

            var leaf = first.Current;
            var clean = new Spte(leaf.Value & ~(1UL << 9));
            Assert.True(first.TrySet(clean));
            var other = machine.Core.Participants.LeaseHostLane();
            var second = new Walk(mmu, other, new GfnRange(default, 1), PagingLevel.Page4KiB, WalkKind.Shared);
            while (second.MoveNext() && second.Level.Value != 1)
            {
            }

            Assert.True(first.TrySet(leaf));
            var before = machine.Core.Counters.LeavesAt(PagingLevel.Page4KiB);
            Assert.False(second.TrySet(default));
            Assert.Equal(leaf, second.Current);
            Assert.Equal(before, machine.Core.Counters.LeavesAt(PagingLevel.Page4KiB));
            Assert.True(second.TrySet(default));
            second.Dispose();
            HostLane.Return(machine.Core, other);
            first.Dispose();
            return true;
        });
        Assert.Empty(mmu.ListMappings());
    }

    [Fact]
    public void The_smallest_geometry_there_is_maps_and_zaps_like_any_other()
    {
        var machine = Own(VirtualMachine.CreateWith<Ept<TwoByOne>, RcuLock>(new VirtualMachineOptions()));
        machine.AddSlot(default, Own(NativeHostMemory.Create(4, skipPages: 1)));
        Assert.Throws<ArgumentException>(() => machine.AddSlot(new Gfn(4).Address, Own(NativeHostMemory.Create(1))));
        for (var start = 0UL; start < 4; start++)
        {
            for (var end = start; end <= 4; end++)
            {
                On(machine, static vcpu =>
                {
                    for (var frame = 0UL; frame < 4; frame++)
                    {
                        vcpu.Store(new Gfn(frame).Address, frame);
                    }
                });
                machine.Zap(new GfnRange(new Gfn(start), end - start));
                Assert.Equal(4 - (int)(end - start), machine.Mmu.ListMappings().Count);
                machine.Mmu.CheckTables();
            }
        }
    }

    // What a walk must visit: each entry that shares a frame with the range, and what lies on the way to the range's first frame.
    private static List<(int Level, ulong Frame)> Expected(Mmu mmu, GfnRange range, int lowest)
    {
        var expected = new List<(int, ulong)>();
        Collect(mmu.Root, 3, 0);
        return expected;

        void Collect(PageTable table, int level, ulong start)
        {
            var frames = TableGeometry<Ept<ThreeByTwo>>.FramesPerEntry(new PagingLevel(level));
            for (var index = 0; index < 4; index++)
            {
                var frame = start + ((ulong)index * frames);
                if (frame + frames <= range.Start.Value || frame >= Math.Min(range.End.Value, Frames))
                {
                    continue;
                }

                expected.Add((level, frame));
                var entry = new Spte(Atomics.LoadAcquire(table.Entry(index)));
                if (level > lowest && Ept<ThreeByTwo>.IsPresent(entry) && !Ept<ThreeByTwo>.IsLeaf(entry, new PagingLevel(level)))
                {
                    Collect(PageTable.Of<Ept<ThreeByTwo>>(entry), level - 1, frame);
                }
            }
        }
    }

    private static List<(int Level, ulong Frame)> Visit(VirtualMachine machine, Mmu mmu, GfnRange range, int lowest, int budget) =>
        machine.OnHostLane(lane =>
        {
            var visits = new List<(int, ulong)>();
            mmu.WalkBudget = budget;
            var walk = new Walk(mmu, lane, range, new PagingLevel(lowest), WalkKind.Exclusive);
            while (walk.MoveNext())
            {
                visits.Add((walk.Level.Value, walk.Frame.Value));
                Assert.True(visits.Count < 10_000, "the walk does not end");
            }

            walk.Dispose();
            return visits;
        });

    // Small pages only, because memory and frames are aligned differently.
    private (VirtualMachine Machine, Mmu Mmu) Create(ulong[] frames)
    {
        var machine = Own(VirtualMachine.CreateWith<Ept<ThreeByTwo>, RcuLock>(new VirtualMachineOptions()));
        machine.AddSlot(default, Own(NativeHostMemory.Create(Frames, skipPages: 1)));
        On(machine, vcpu =>
        {
            foreach (var frame in frames)
            {
                vcpu.Store(new Gfn(frame).Address, frame);
            }
        });
        return (machine, (Mmu)machine.Mmu);
    }
}
