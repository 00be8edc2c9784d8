using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.DirtyLog;

/// <summary>What the dirty log reports, page by page, with one thing happening at a time.</summary>
public sealed class DirtyLogTests : EngineTest
{
    private const ulong Base = 0x40000;
    private const ulong Pages = 1024;

    private static readonly Gpa s_base = new Gfn(Base).Address;

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Starting_makes_everything_clean_and_small(string configuration)
    {
        var (machine, slot) = Create(configuration);
        On(machine, vcpu =>
        {
            vcpu.Store(Page(3), 1);
            vcpu.Store(Page(700), 1);
            Assert.Equal(2, machine.GetStatistics().Leaves2MiB);
            machine.StartDirtyLog(slot);
            Assert.Equal(0, machine.GetStatistics().Leaves2MiB);
            Assert.Empty(DirtyPages.Take(machine, slot));

            // The translations of the large mappings are gone as well: the same pages are reported when they are written again.
            Assert.Equal(1, vcpu.Load<int>(Page(3)));
            Assert.Empty(DirtyPages.Take(machine, slot));
            vcpu.Store(Page(3), 2);
            vcpu.Store(Page(701), 2);
        });
        Assert.Equal(0, machine.GetStatistics().Leaves2MiB);
        Assert.Equal([3, 701], DirtyPages.Take(machine, slot));
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Every_kind_of_write_is_reported_once_and_no_read_is(string configuration)
    {
        var (machine, slot) = Create(configuration);
        machine.StartDirtyLog(slot);
        var block = new byte[2 * 4096];
        On(machine, vcpu =>
        {
            // Twice: with an empty TLB, and with translations that were used for writing.
            for (var round = 0; round < 2; round++)
            {
                _ = vcpu.Load<long>(Page(9));
                _ = vcpu.Load<long>(Page(300).Plus(4090));
                vcpu.Read(Page(400).Plus(100), block);
                _ = machine.Read<long>(Page(500).Plus(4092));
                Assert.True(machine.TryRead(Page(600), out int _));
                Assert.Empty(DirtyPages.Take(machine, slot));

                vcpu.Store(Page(0), (byte)1);
                vcpu.Store(Page(63).Plus(4090), 1L);
                _ = vcpu.CompareExchange(Page(10), round + 1, round);
                _ = vcpu.CompareExchange(Page(20).Plus(4095), (short)5, (short)0);
                vcpu.Write(Page(510).Plus(100), block);
                machine.Write(Page(Pages - 1), 1);
                machine.Write(Page(127).Plus(4092), 1L);
                Assert.Equal([0, 10, 20, 21, 63, 64, 127, 128, 510, 511, 512, Pages - 1], DirtyPages.Take(machine, slot));
                Assert.Empty(DirtyPages.Take(machine, slot));
            }
        });
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void The_record_outlives_the_entries_that_had_it(string configuration)
    {
        var (machine, slot) = Create(configuration);
        machine.StartDirtyLog(slot);
        On(machine, vcpu =>
        {
            vcpu.Store(Page(1), 1);
            vcpu.Store(Page(70), 1);
            vcpu.Store(Page(300), 1);
            vcpu.Store(Page(Pages - 1), 1);
            _ = vcpu.Load<int>(Page(71));
            machine.Zap(new GfnRange(new Gfn(Base + 1), 1));
            machine.BeginInvalidation(new GfnRange(new Gfn(Base + 70), 2)).Dispose();

            // Read again: a clean mapping of a page that is dirty.
            _ = vcpu.Load<int>(Page(1));
            machine.Zap(slot.Range);
            _ = vcpu.Load<int>(Page(300));
            Assert.Equal([1, 70, 300, Pages - 1], DirtyPages.Take(machine, slot));
            vcpu.Store(Page(300), 2);
            machine.Zap(new GfnRange(default, machine.Mmu.FrameLimit.Value));
            Assert.Equal([300], DirtyPages.Take(machine, slot));
            Assert.Empty(DirtyPages.Take(machine, slot));
        });
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void A_discard_is_reported_by_every_slot_that_shows_the_memory(string configuration)
    {
        var (machine, slot) = Create(configuration);
        var alias = machine.AddSlot(new Gpa(0x1000), slot.Memory, new MemorySlotOptions { MemoryOffset = 16 * 4096, Length = 8 * 4096 });
        machine.StartDirtyLog(slot);
        machine.StartDirtyLog(alias);
        On(machine, vcpu =>
        {
            vcpu.Store(Page(18), 7);
            Assert.Equal([18], DirtyPages.Take(machine, slot));
            machine.Discard(new Gpa(0x1000 + (2 * 4096)), 2 * 4096);
            Assert.Equal([18, 19], DirtyPages.Take(machine, slot));
            Assert.Equal([2, 3], DirtyPages.Take(machine, alias));
            Assert.Equal(0, vcpu.Load<int>(Page(18)));
            machine.Discard(Page(15), 2 * 4096);
        });
        Assert.Equal([15, 16], DirtyPages.Take(machine, slot));
        Assert.Equal([0], DirtyPages.Take(machine, alias));
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Stopping_lets_large_mappings_come_back_and_starting_again_starts_clean(string configuration)
    {
        var (machine, slot) = Create(configuration);
        machine.StartDirtyLog(slot);
        On(machine, vcpu =>
        {
            vcpu.Store(Page(5), 1);
            vcpu.Store(Page(600), 1);
            machine.StopDirtyLog(slot);
            vcpu.Store(Page(5), 2);
            vcpu.Store(Page(6), 2);
            Assert.Equal(1, machine.GetStatistics().Leaves2MiB);
            Assert.Equal(0, machine.GetStatistics().Leaves4KiB);
            Assert.Throws<InvalidOperationException>(() => DirtyPages.Take(machine, slot));
            machine.Discard(Page(40), 4096);
            machine.Write(Page(41), 1);
            machine.StartDirtyLog(slot);
            Assert.Empty(DirtyPages.Take(machine, slot));
            vcpu.Store(Page(6), 3);
            machine.StartDirtyLog(slot);
            Assert.Empty(DirtyPages.Take(machine, slot));
            vcpu.Store(Page(6), 4);
            Assert.Equal([6], DirtyPages.Take(machine, slot));
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_log_has_the_pages_of_its_slot_and_no_others(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var memory = Own(NativeHostMemory.Create(390));
        var before = machine.AddSlot(s_base, memory, new MemorySlotOptions { Length = 130 * 4096 });
        var logged = machine.AddSlot(Page(130), memory, new MemorySlotOptions { MemoryOffset = 130 * 4096, Length = 130 * 4096, ReadOnly = true });
        var after = machine.AddSlot(Page(260), memory, new MemorySlotOptions { MemoryOffset = 260 * 4096 });
        machine.StartDirtyLog(logged);
        machine.StartDirtyLog(after);
        machine.Write(Page(129).Plus(4094), 1);
        machine.Write(Page(259).Plus(4094), 1);
        On(machine, vcpu => vcpu.Store(Page(389), 1));
        Assert.Equal([0, 129], DirtyPages.Take(machine, logged));
        Assert.Equal([0, 129], DirtyPages.Take(machine, after));
        Assert.Throws<InvalidOperationException>(() => DirtyPages.Take(machine, before));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void What_cannot_be_logged_is_said(string configuration)
    {
        var (machine, slot) = Create(configuration);
        var (other, foreign) = Create(configuration);
        Assert.Throws<ArgumentNullException>(() => machine.StartDirtyLog(null!));
        Assert.Throws<ArgumentNullException>(() => machine.GetDirtyLog(null!, new ulong[1]));
        Assert.Throws<ArgumentException>(() => machine.StartDirtyLog(foreign));
        Assert.Throws<InvalidOperationException>(() => DirtyPages.Take(machine, slot));
        machine.StartDirtyLog(slot);
        other.StartDirtyLog(foreign);
        Assert.Throws<ArgumentException>(() => DirtyPages.Take(machine, foreign));
        Assert.Throws<ArgumentException>(() => machine.StopDirtyLog(foreign));
        Assert.Throws<ArgumentException>(() => machine.GetDirtyLog(slot, new ulong[slot.DirtyLogWords - 1]));
        On(machine, vcpu => vcpu.Store(Page(1), 1));
        var bitmap = new ulong[slot.DirtyLogWords + 1];
        Array.Fill(bitmap, ulong.MaxValue);
        Assert.Equal(1, machine.GetDirtyLog(slot, bitmap));
        Assert.Equal([1], DirtyPages.Of(bitmap.AsSpan(0, slot.DirtyLogWords)));
        machine.DeleteSlot(slot);
        Assert.Throws<ArgumentException>(() => DirtyPages.Take(machine, slot));
        Assert.Throws<ArgumentException>(() => machine.StartDirtyLog(slot));
    }

    private static Gpa Page(ulong page) => new Gfn(Base + page).Address;

    private (VirtualMachine Machine, MemorySlot Slot) Create(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        return (machine, machine.AddSlot(s_base, Own(NativeHostMemory.Create(Pages))));
    }
}
