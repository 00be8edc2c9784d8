using TdpMmu.Legacy;
using TdpMmu.Machine;
using TdpMmu.Slots;

namespace TdpMmu.Engine.Tests.Legacy;

/// <summary>What is the legacy MMU's own: reverse maps, shadow pages, and the lock that ranges give up in between.</summary>
[Collection(nameof(LegacyCollection))]
public sealed unsafe class LegacyMmuTests
{
    private const ulong Table = 512;

    [Fact]
    public void Metadata_is_counted_to_the_byte()
    {
        using var machine = new LegacyMachine();
        var empty = machine.Statistics.MetadataBytes;
        Assert.Equal((ShadowPageTable.BucketCount * sizeof(ulong)) + sizeof(ShadowPage), empty);

        // Frames 100 to 1123 overlap three regions of 2 MiB and one of 1 GiB.
        var slot = machine.AddSlot(100, machine.CreateMemory(2 * Table));
        var maps = (1024 + 3 + 1) * sizeof(ulong);
        Assert.Equal(empty + maps, machine.Statistics.MetadataBytes);

        for (var frame = 100UL; frame < 100 + (2 * Table); frame++)
        {
            Assert.Equal(FaultOutcome.Fixed, machine.Fault(frame));
        }

        // Three tables of pages below one of each higher level.
        Assert.Equal(empty + maps + (5 * sizeof(ShadowPage)), machine.Statistics.MetadataBytes);
        Assert.Equal(6 * 4096, machine.Statistics.TableBytes);
        machine.Zap(0, machine.Mmu.FrameLimit.Value);
        Assert.Equal(empty + maps, machine.Statistics.MetadataBytes);
        machine.Machine.DeleteSlot(slot);
        Assert.Equal(empty, machine.Statistics.MetadataBytes);
    }

    [Fact]
    public void The_same_memory_in_two_slots_has_a_reverse_map_in_each()
    {
        using var machine = new LegacyMachine();
        var memory = machine.CreateMemory(256);
        var first = machine.AddSlot(64, memory);

        // Behind it in the same table, and the same pages once more far away.
        var second = machine.AddSlot(64 + 256, memory, firstPage: 128, pages: 64);
        var third = machine.AddSlot(1UL << 30, memory);
        foreach (var frame in new ulong[] { 64, 64 + 130, 64 + 256, 64 + 256 + 2, 1UL << 30, (1UL << 30) + 130 })
        {
            Assert.Equal(FaultOutcome.Fixed, machine.Fault(frame));
        }

        Assert.Equal([64, 194, 320, 322, 1UL << 30, (1UL << 30) + 130], machine.CheckedFrames());
        machine.Machine.DeleteSlot(first);
        Assert.Equal([320, 322, 1UL << 30, (1UL << 30) + 130], machine.CheckedFrames());
        machine.Zap(321, (1UL << 30) - 320);
        Assert.Equal([320, (1UL << 30) + 130], machine.CheckedFrames());
        machine.Machine.DeleteSlot(third);
        Assert.Equal([320], machine.CheckedFrames());

        // The place is free for a slot of another shape.
        machine.AddSlot(0, memory, pages: 200);
        Assert.Equal(FaultOutcome.Fixed, machine.Fault(199));
        Assert.Equal([199, 320], machine.CheckedFrames());
        machine.Machine.DeleteSlot(second);
        Assert.Equal([199], machine.CheckedFrames());
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(7), InlineData(513), InlineData(1_000_000)]
    public void A_range_that_gives_the_lock_up_in_between_loses_the_same(int budget)
    {
        using var machine = new LegacyMachine();
        machine.Mmu.PassBudget = budget;
        var memory = machine.CreateMemory(3 * Table);
        machine.AddSlot(1000, memory, pages: 300);
        machine.AddSlot(1300, memory, firstPage: 300, pages: 5);
        machine.AddSlot(3000, memory, firstPage: 305);
        ulong[] frames = [1000, 1001, 1023, 1024, 1299, 1300, 1304, 3000, 3001, 3583, 3584, 4000];
        foreach (var frame in frames)
        {
            machine.Fault(frame);
        }

        machine.WriteProtect(1001, 2000, keepMmuWritable: false);
        Assert.Equal(
            frames.Where(static frame => frame is < 1001 or > 3000),
            machine.Mmu.ListMappings().Where(static mapping => (mapping.Access & GuestAccess.Write) != 0).Select(static mapping => mapping.Frame.Value));
        machine.Zap(1001, 2000);
        Assert.Equal(frames.Where(static frame => frame is < 1001 or > 3000), machine.CheckedFrames());
        machine.Zap(0, ulong.MaxValue);
        Assert.Empty(machine.CheckedFrames());
        Assert.Equal(4096, machine.Statistics.TableBytes);
    }

    [Fact]
    public void A_flush_is_made_for_each_piece_that_lost_something_and_none_for_the_others()
    {
        using var machine = new LegacyMachine();
        machine.Mmu.PassBudget = 16;
        machine.AddSlot(0, machine.CreateMemory(Table));
        machine.Fault(3);
        machine.Fault(4);
        machine.Fault(400);
        var before = machine.Statistics.TlbFlushes;
        machine.Zap(1, 500);
        Assert.Equal(before + 2, machine.Statistics.TlbFlushes);
        machine.Zap(1, 500);
        Assert.Equal(before + 2, machine.Statistics.TlbFlushes);
    }

    [Fact]
    public void Splitting_moves_the_reverse_map_to_the_small_pages()
    {
        using var machine = new LegacyMachine();
        var slot = machine.AddSlot(Table, machine.CreateMemory(2 * Table), limit: PagingLevel.Page2MiB);
        Assert.Equal(FaultOutcome.Fixed, machine.Fault(Table + 5));
        Assert.Equal([Table], machine.CheckedFrames());
        machine.WriteProtect(Table + 100, 1, keepMmuWritable: true);
        machine.Machine.Core.Slots.Gate.Enter();
        machine.Machine.Core.Slots.ChangeFlags(slot, SlotFlags.SmallPagesOnly, SlotFlags.None);
        machine.Machine.Core.Slots.Gate.Exit();

        // Not the fast way: a large mapping must not become writable where only small ones are allowed.
        Assert.Equal(FaultOutcome.Fixed, machine.Fault(Table + 7, present: true));
        Assert.Equal(512, machine.CheckedFrames().Length);
        Assert.Equal([Table + 7], machine.Mmu.ListMappings().Where(static mapping => (mapping.Access & GuestAccess.Write) != 0).Select(static mapping => mapping.Frame.Value));
        Assert.Equal(FaultOutcome.FastFixed, machine.Fault(Table + 8, present: true));
        machine.Zap(Table + 7, 1);
        Assert.Equal(511, machine.CheckedFrames().Length);
    }

    [Fact]
    public void Tables_that_map_nothing_are_used_again_when_tables_run_short()
    {
        using var machine = new LegacyMachine(tableLimit: 16 * 4096);
        machine.AddSlot(0, machine.CreateMemory(64 * Table));

        // One page in each 2 MiB; a zap of that page alone leaves its table, until another needs it.
        for (var region = 0UL; region < 64; region++)
        {
            Assert.Equal(FaultOutcome.Fixed, machine.Fault(region * Table));
            machine.Zap(region * Table, 1);
        }

        for (var region = 0UL; region < 4; region++)
        {
            machine.Fault(region * Table);
        }

        Assert.Equal([0, Table, 2 * Table, 3 * Table], machine.CheckedFrames());
        var limit = Assert.Throws<PageTableLimitException>(() =>
        {
            for (var region = 4UL; region < 64; region++)
            {
                machine.Fault(region * Table);
            }
        });
        Assert.Contains("limit of 65536 bytes", limit.Message, StringComparison.Ordinal);
        machine.Zap(0, 64 * Table);
        Assert.Equal(FaultOutcome.Fixed, machine.Fault(63 * Table));
    }

    [Fact]
    public void Faults_zaps_and_protection_allocate_nothing_managed()
    {
        using var machine = new LegacyMachine();
        machine.AddSlot(0, machine.CreateMemory(8 * Table));
        Round();
        var before = GC.GetAllocatedBytesForCurrentThread();
        Round();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            for (var frame = 0UL; frame < 8 * Table; frame++)
            {
                machine.Fault(frame);
            }

            machine.Mmu.WriteProtect(0, new GfnRange(default, 8 * Table), keepMmuWritable: true);
            for (var frame = 0UL; frame < Table; frame++)
            {
                machine.Fault(frame, present: true);
            }

            machine.Mmu.Zap(0, new GfnRange(default, 8 * Table));
        }
    }

    [Fact]
    public void Faults_and_ranges_may_run_side_by_side()
    {
        using var machine = new LegacyMachine(vcpus: 2);
        machine.Mmu.PassBudget = 5;
        machine.AddSlot(Table, machine.CreateMemory(4 * Table), limit: PagingLevel.Page2MiB);
        using var ended = new CancellationTokenSource();
        var failure = default(Exception);
        var token = TestContext.Current.CancellationToken;
        var guests = new Thread(() => failure = Record.Exception(() => machine.Machine.Run(Count, token)));
        guests.Start();
        for (var round = 0UL; round < 400; round++)
        {
            var frame = Table + (round * 97 % (4 * Table));
            machine.Zap(frame, 1 + (round % 600));
            machine.WriteProtect(Table, 4 * Table, keepMmuWritable: round % 2 == 0);
            using var invalidation = machine.Machine.BeginInvalidation(new GfnRange(new Gfn(frame), 3));
        }

        ended.Cancel();
        guests.Join();
        Assert.Null(failure);
        machine.Mmu.CheckTables();

        // Each vCPU counts in words of its own: a count that is not what it wrote last went to a page that was taken away.
        void Count(Vcpu vcpu)
        {
            for (var round = 1UL; !ended.IsCancellationRequested; round++)
            {
                for (var page = 0UL; page < 4 * Table; page += 37)
                {
                    var address = new Gpa(((Table + page) * PageGeometry.PageSize) + ((ulong)vcpu.Index * 8));
                    Assert.Equal(round - 1, vcpu.Load<ulong>(address));
                    vcpu.Store(address, round);
                }
            }
        }
    }
}
