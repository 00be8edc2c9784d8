using TdpMmu.Concurrency;
using TdpMmu.Direct;
using TdpMmu.Engine.Tests.Support;
using TdpMmu.Formats;
using TdpMmu.Machine;

namespace TdpMmu.Engine.Tests.Concurrency;

/// <summary>Costs that are counted, not timed: managed bytes, and the work that a section holds.</summary>
public sealed class CostTests : EngineTest
{
    private const ulong Pages = 2048;

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Faults_accesses_and_zaps_allocate_nothing(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, timingInterval: 1));
        var source = new ZeroSource();
        machine.AddSlot(default, Own(NativeHostMemory.Create(Pages, skipPages: 1)));
        machine.AddSlot(new Gfn(1UL << 20).Address, Own(NativeHostMemory.Create(Pages, PageFilling.HostFilled)));
        machine.AddSlot(new Gfn(1UL << 21).Address, Own(NativeHostMemory.Create(Pages, PageFilling.FaultingThread, source)));
        var buffer = new byte[8192];
        for (var round = 0; round < 3; round++)
        {
            var allocated = On(machine, vcpu =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var page = 0UL; page < Pages - 2; page++)
                {
                    vcpu.Store(new Gfn(page).Address, page);
                    _ = vcpu.Load<ulong>(new Gfn((1UL << 20) + page).Address);
                    vcpu.CompareExchange(new Gfn((1UL << 21) + page).Address, page, 0UL);
                    vcpu.Write(new Gfn(page).Address.Plus(77), buffer);
                    vcpu.Read(new Gfn(page).Address.Plus(77), buffer);
                }

                return GC.GetAllocatedBytesForCurrentThread() - before;
            });
            var lane = machine.Core.Participants.LeaseHostLane();
            var start = GC.GetAllocatedBytesForCurrentThread();
            machine.Mmu.WriteProtect(lane, new GfnRange(new Gfn(5), 100), keepMmuWritable: true);
            machine.Mmu.Zap(lane, new GfnRange(default, 1UL << 30));
            var zapped = GC.GetAllocatedBytesForCurrentThread() - start;
            HostLane.Return(machine.Core, lane);
            Assert.Empty(machine.Mmu.ListMappings());

            // The first rounds pay for code that runs for the first time and for host memory's own growth.
            if (round == 2)
            {
                Assert.Equal(0, allocated);
                Assert.Equal(0, zapped);
            }
        }

        Assert.True(machine.GetStatistics().Faults > 3 * Pages);
    }

    [Fact]
    public void A_section_of_a_zap_tears_down_one_table_at_most_whatever_the_range()
    {
        // C6: counted in entries that change between two flushes, not in time. Each flush follows the end of a section.
        const ulong Tables = 40;
        var machine = Own(VirtualMachine.CreateWith<Ept<FourLevel>, RcuLock>(new VirtualMachineOptions()));
        machine.AddSlot(default, Own(NativeHostMemory.Create(Tables * 512, skipPages: 1)));
        On(machine, static vcpu =>
        {
            for (var page = 0UL; page < Tables * 512; page++)
            {
                vcpu.Store(new Gfn(page).Address, page);
            }
        });
        var mmu = (DirectMmu<Ept<FourLevel>, RcuLock>)machine.Mmu;
        mmu.WalkBudget = 512;
        var flushes = machine.Core.Flush.CompletedCount;
        machine.Zap(new GfnRange(default, mmu.FrameLimit.Value));
        Assert.True(
            machine.Core.Flush.CompletedCount - flushes >= Tables, $"{machine.Core.Flush.CompletedCount - flushes} sections took {Tables} tables down");
        Assert.Empty(mmu.ListMappings());
    }

    private sealed class ZeroSource : IPageSource
    {
        public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => destination.Clear();
    }
}
