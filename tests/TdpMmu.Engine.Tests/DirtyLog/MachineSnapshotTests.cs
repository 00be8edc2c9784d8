using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.DirtyLog;

/// <summary>Taking a machine's memory back to an earlier moment.</summary>
public sealed class MachineSnapshotTests : EngineTest
{
    private const ulong Pages = 520;

    private static readonly Gpa s_base = new(1UL << 30);
    private static readonly Gpa s_second = new(0x10000);

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Everything_that_was_written_comes_back(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var source = new PatternSource();
        var memory = Own(NativeHostMemory.Create(Pages, PageFilling.FaultingThread, source));
        var resident = Own(NativeHostMemory.Create(3));
        machine.AddSlot(s_base, memory);
        machine.AddSlot(s_second, resident);
        On(machine, vcpu =>
        {
            vcpu.Store(Page(0), 100UL);
            vcpu.Store(Page(1), 101UL);
            vcpu.Store(Page(519), 102UL);
            vcpu.Store(s_second, 103UL);
        });
        using var snapshot = machine.TakeSnapshot();
        Assert.Equal((long)(Pages + 3) * 4096, snapshot.Bytes);
        Assert.Equal(0, snapshot.Restore());
        for (var round = 0; round < 3; round++)
        {
            var fetched = source.Fetches;
            On(machine, vcpu =>
            {
                vcpu.Store(Page(0), 1UL);
                vcpu.Store(Page(2), 1UL);
                vcpu.Store(s_second.Plus(8), 1UL);
                Assert.Equal(PatternSource.WordOf(3, 0), vcpu.Load<ulong>(Page(3)));
            });
            machine.Discard(Page(1), 4096);
            machine.Write(Page(519), 2UL);
            Assert.Equal(5, snapshot.Restore());
            Assert.Equal(0, snapshot.Restore());
            Assert.False(memory.States.IsPresent(2));
            Assert.True(memory.States.IsPresent(1));
            Assert.Equal(100UL, machine.Read<ulong>(Page(0)));
            Assert.Equal(PatternSource.WordOf(0, 1), machine.Read<ulong>(Page(0).Plus(8)));
            On(machine, vcpu =>
            {
                Assert.Equal(100UL, vcpu.Load<ulong>(Page(0)));
                Assert.Equal(101UL, vcpu.Load<ulong>(Page(1)));
                Assert.Equal(PatternSource.WordOf(2, 0), vcpu.Load<ulong>(Page(2)));
                Assert.Equal(102UL, vcpu.Load<ulong>(Page(519)));
                Assert.Equal(103UL, vcpu.Load<ulong>(s_second));
                Assert.Equal(0UL, vcpu.Load<ulong>(s_second.Plus(8)));
            });
            Assert.True(source.Fetches > fetched, "a page that was missing comes from its source anew");
        }
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_machine_that_runs_is_refused(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 3));
        var slot = machine.AddSlot(s_base, Own(NativeHostMemory.Create(4)));
        using (var snapshot = machine.TakeSnapshot())
        {
            On(
                machine,
                vcpu =>
                {
                    vcpu.Store(Page(1), 5);
                    Assert.Throws<InvalidOperationException>(() => snapshot.Restore());
                    Assert.Throws<InvalidOperationException>(machine.TakeSnapshot);
                    Assert.Equal(5, vcpu.Load<int>(Page(1)));
                },
                vcpu: 1);

            // The refusal left no vCPU occupied and nothing of the log taken.
            machine.Run(static _ => { }, Token);
            Assert.Equal(1, snapshot.Restore());
            Assert.Equal(0, machine.Read<int>(Page(1)));
        }

        Assert.Throws<InvalidOperationException>(() => DirtyPages.Take(machine, slot));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Disposing_stops_the_logs(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var slot = machine.AddSlot(s_base, Own(NativeHostMemory.Create(Pages)));
        var second = machine.AddSlot(s_second, Own(NativeHostMemory.Create(1)));
        var snapshot = machine.TakeSnapshot();
        On(machine, vcpu => vcpu.Store(Page(1), 5));
        Assert.Equal(0, machine.GetStatistics().Leaves2MiB);
        machine.DeleteSlot(second);
        snapshot.Dispose();
        snapshot.Dispose();
        Assert.Throws<ObjectDisposedException>(() => snapshot.Restore());
        Assert.Throws<InvalidOperationException>(() => DirtyPages.Take(machine, slot));
        On(machine, vcpu => vcpu.Store(Page(1), 6));
        Assert.Equal(1, machine.GetStatistics().Leaves2MiB);

        // The next one begins where the machine is now.
        using var next = machine.TakeSnapshot();
        On(machine, vcpu => vcpu.Store(Page(1), 7));
        Assert.Equal(1, next.Restore());
        Assert.Equal(6, machine.Read<int>(Page(1)));
    }

    [Fact]
    public void A_snapshot_may_outlive_its_machine()
    {
        var machine = MachineFactory.Create("ept/direct/rcu");
        machine.AddSlot(s_base, Own(NativeHostMemory.Create(4)));
        var snapshot = machine.TakeSnapshot();
        machine.Dispose();
        Assert.Throws<ObjectDisposedException>(() => snapshot.Restore());
        snapshot.Dispose();
        Assert.Throws<ObjectDisposedException>(machine.TakeSnapshot);
    }

    private static Gpa Page(ulong page) => s_base.Plus(page * PageGeometry.PageSize);
}
