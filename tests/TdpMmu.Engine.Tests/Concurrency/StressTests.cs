using TdpMmu.Engine.Tests.Support;
using TdpMmu.Slots;

namespace TdpMmu.Engine.Tests.Concurrency;

/// <summary>
/// Guests against everything that takes memory away from them. What is released is poisoned, so that one access that comes too late is
/// seen by the guest that made it (it reads poison) or by the host that released it (its poison is overwritten).
/// </summary>
public sealed class StressTests : EngineTest
{
    private const ulong Base = 0x40000;
    private const int Milliseconds = 1200;

    private static readonly Gpa s_base = new Gfn(Base).Address;

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void No_access_reaches_memory_after_its_invalidation(string configuration)
    {
        const ulong Pages = 1024;
        var machine = Own(MachineFactory.Create(configuration, vcpus: 4, permits: 2));
        var memory = Own(NativeHostMemory.Create(Pages));
        machine.AddSlot(s_base, memory);
        var stop = new StopSignal();
        Within(60, () =>
        {
            var host = new Thread(() =>
            {
                var random = new Random(7);
                while (!stop.IsSet)
                {
                    var first = (ulong)random.Next((int)Pages - 1);
                    var count = Math.Min(1 + (ulong)random.Next(random.Next(4) == 0 ? 600 : 8), Pages - first);
                    using (machine.BeginInvalidation(new GfnRange(new Gfn(Base + first), count)))
                    {
                        // The memory belongs to the host alone now: what it writes stays.
                        var bytes = memory.Bytes(first * 4096, count * 4096);
                        bytes.Fill(NativeHostMemory.PoisonByte);
                        Thread.SpinWait(random.Next(200));
                        stop.Require(bytes.IndexOfAnyExcept(NativeHostMemory.PoisonByte) < 0, "a guest wrote to memory that the host had taken back");
                        bytes.Clear();
                    }
                }
            });
            host.Start();
            machine.Run(vcpu => Count(vcpu, Pages, stop), Token);
            host.Join();
        });
        stop.Report();
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void No_access_finds_what_a_discard_left_behind(string configuration)
    {
        const ulong Pages = 1024;
        foreach (var filling in new[] { PageFilling.HostFilled, PageFilling.FaultingThread })
        {
            var machine = Own(MachineFactory.Create(configuration, vcpus: 4, permits: 2));
            var memory = Own(NativeHostMemory.Create(Pages, filling, filling == PageFilling.FaultingThread ? new ZeroSource() : null));
            machine.AddSlot(s_base, memory);
            var stop = new StopSignal();
            Within(60, () =>
            {
                var host = new Thread(() =>
                {
                    var random = new Random(7);
                    while (!stop.IsSet)
                    {
                        var first = (ulong)random.Next((int)Pages - 1);
                        var count = Math.Min(1 + (ulong)random.Next(random.Next(4) == 0 ? 600 : 8), Pages - first);
                        machine.Discard(new Gfn(Base + first).Address, count * 4096);
                    }
                });
                host.Start();
                machine.Run(vcpu => Count(vcpu, Pages, stop), Token);
                host.Join();
            });
            stop.Report();
            Assert.NotEqual(0, memory.DiscardCalls);
        }
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void No_access_reaches_the_memory_of_a_deleted_slot(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 3, permits: 2, mmio: static (_, _, data, _) => data.Clear()));
        var stop = new StopSignal();
        Within(60, () =>
        {
            var host = new Thread(() =>
            {
                for (var round = 0; !stop.IsSet; round++)
                {
                    var filling = (round % 3) switch { 0 => PageFilling.Resident, 1 => PageFilling.HostFilled, _ => PageFilling.FaultingThread };
                    var memory = NativeHostMemory.Create(520, filling, filling == PageFilling.FaultingThread ? new ZeroSource() : null);
                    var slot = machine.AddSlot(s_base, memory);
                    Thread.SpinWait(round % 7 * 2000);
                    machine.DeleteSlot(slot);
                    var bytes = memory.Bytes(0, memory.Length);
                    bytes.Fill(NativeHostMemory.PoisonByte);
                    Thread.SpinWait(round % 5 * 500);
                    stop.Require(bytes.IndexOfAnyExcept(NativeHostMemory.PoisonByte) < 0, "a guest wrote to memory whose slot was gone");
                    memory.Dispose();
                }
            });
            host.Start();
            machine.Run(
                vcpu =>
                {
                    var random = new Random(vcpu.Index);
                    while (!stop.IsSet)
                    {
                        var address = s_base.Plus(((ulong)random.Next(520) * 4096) + ((ulong)vcpu.Index * 64));
                        stop.Require(vcpu.Load<ulong>(address) != NativeHostMemory.PoisonWord, "a guest read memory whose slot was gone");
                        vcpu.Store(address, 1UL);
                    }
                },
                Token);
            host.Join();
        });
        stop.Report();
        Assert.Empty(machine.Slots);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Nothing_that_a_guest_wrote_is_lost_by_zaps_splits_and_protection(string configuration)
    {
        const ulong Pages = 1024;
        const int Vcpus = 64;
        var machine = Own(MachineFactory.Create(configuration, vcpus: Vcpus, permits: 2, tlbEntries: 16));
        var memory = Own(NativeHostMemory.Create(Pages));
        var slot = machine.AddSlot(s_base, memory);
        var counts = new ulong[Vcpus, Pages];
        var stop = new StopSignal();
        Within(60, () =>
        {
            var host = new Thread(() =>
            {
                var random = new Random(3);
                while (!stop.IsSet)
                {
                    var range = new GfnRange(new Gfn(Base + (ulong)random.Next((int)Pages - 1)), 1 + (ulong)random.Next(600));
                    switch (random.Next(4))
                    {
                        case 0:
                            machine.Zap(range);
                            break;
                        case 1:
                            Protect(machine, range, keepMmuWritable: random.Next(2) == 0);
                            break;
                        default:
                            SetSmallPagesOnly(machine, slot, on: random.Next(2) == 0);
                            break;
                    }
                }
            });
            host.Start();
            machine.Run(
                vcpu =>
                {
                    var random = new Random(vcpu.Index);
                    while (!stop.IsSet)
                    {
                        var page = (ulong)random.Next((int)Pages);
                        var address = s_base.Plus((page * 4096) + ((ulong)vcpu.Index * 64));
                        var value = vcpu.Load<ulong>(address);
                        stop.Require(value == counts[vcpu.Index, page], "a write was lost");
                        counts[vcpu.Index, page] = value + 1;
                        vcpu.Store(address, value + 1);
                    }
                },
                Token);
            host.Join();
        });
        stop.Report();
        for (var vcpu = 0; vcpu < Vcpus; vcpu++)
        {
            for (var page = 0UL; page < Pages; page++)
            {
                Assert.Equal(counts[vcpu, page], BitConverter.ToUInt64(memory.Bytes((page * 4096) + ((ulong)vcpu * 64), 8)));
            }
        }
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void After_write_protection_nothing_is_written_before_it_is_granted_again(string configuration)
    {
        // I30: what the host reads after the protection is what stays until a guest has faulted.
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2));
        var memory = Own(NativeHostMemory.Create(8, skipPages: 1));
        machine.AddSlot(s_base, memory);
        var stop = new StopSignal();
        Within(60, () =>
        {
            var host = new Thread(() =>
            {
                while (!stop.IsSet)
                {
                    using (machine.BeginInvalidation(new GfnRange(new Gfn(Base + 9), 1)))
                    {
                        // An invalidation elsewhere delays nobody and takes nothing away.
                    }

                    var faults = FaultsOf(machine);
                    Protect(machine, new GfnRange(new Gfn(Base), 8), keepMmuWritable: true);
                    var before = memory.Bytes(0, 8 * 4096).ToArray();
                    Thread.SpinWait(300);
                    var unchanged = memory.Bytes(0, 8 * 4096).SequenceEqual(before);
                    stop.Require(unchanged || FaultsOf(machine) != faults, "a guest wrote through a stale translation");
                }
            });
            host.Start();
            machine.Run(
                vcpu =>
                {
                    for (var value = 1UL; !stop.IsSet; value++)
                    {
                        vcpu.Store(s_base.Plus((value % 8 * 4096) + ((ulong)vcpu.Index * 64)), value);
                    }
                },
                Token);
            host.Join();
        });
        stop.Report();
        Assert.NotEqual(0UL, machine.GetStatistics().Vcpus[0].FastFaults + machine.GetStatistics().Vcpus[1].FastFaults);
    }

    private static void Count(Vcpu vcpu, ulong pages, StopSignal stop)
    {
        var random = new Random(vcpu.Index);
        while (!stop.IsSet)
        {
            var address = s_base.Plus(((ulong)random.Next((int)pages) * 4096) + ((ulong)vcpu.Index * 64));
            var value = vcpu.Load<ulong>(address);
            stop.Require(value != NativeHostMemory.PoisonWord, "a guest read memory that the host had taken back");
            vcpu.Store(address, value + 1);
        }
    }

    private static ulong FaultsOf(VirtualMachine machine) => machine.Vcpus[0].GetStatistics().Faults + machine.Vcpus[1].GetStatistics().Faults;

    private static void Protect(VirtualMachine machine, GfnRange range, bool keepMmuWritable) => machine.OnHostLane(lane =>
    {
        machine.Mmu.WriteProtect(lane, range, keepMmuWritable);
        return true;
    });

    private static void SetSmallPagesOnly(VirtualMachine machine, MemorySlot slot, bool on)
    {
        var slots = machine.Core.Slots;
        slots.Gate.Enter();
        slots.ChangeFlags(
            slot, on ? SlotFlags.SmallPagesOnly : SlotFlags.None, on ? SlotFlags.None : SlotFlags.SmallPagesOnly);
        slots.Gate.Exit();
        machine.Zap(slot.Range);
    }

    /// <summary>Ends a stress run after its time or at the first thing that must not be, and says then what that was.</summary>
    private sealed class StopSignal
    {
        private readonly long _end = Environment.TickCount64 + Milliseconds;
        private string? _violation;

        internal bool IsSet => Volatile.Read(ref _violation) is not null || Environment.TickCount64 > _end;

        internal void Require(bool condition, string violation)
        {
            if (!condition)
            {
                Volatile.Write(ref _violation, violation);
            }
        }

        internal void Report() => Assert.Null(_violation);
    }

    private sealed class ZeroSource : IPageSource
    {
        public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => destination.Clear();
    }
}
