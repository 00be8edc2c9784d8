using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Lifetimes;

/// <summary>Waits that once could be for each other.</summary>
public sealed class WaitingTests : EngineTest
{
    private const ulong Base = 0x40000;

    private static readonly Gpa s_base = new Gfn(Base).Address;
    private static readonly Gpa s_device = new(0x1000);

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_handler_that_reaches_memory_gives_its_permit_up_and_gets_one_again(string configuration)
    {
        const int Vcpus = 12;
        var emulated = 0;
        var machine = Own(MachineFactory.Create(configuration, vcpus: Vcpus, permits: 1, tlbEntries: 16, mmio: (vcpu, address, data, _) =>
        {
            // Long enough for quanta to end inside, where the permit is not the handler's to pass on.
            for (var page = 0UL; page < 24; page++)
            {
                data[0] += (byte)vcpu.Load<int>(s_base.Plus((page * 4096) + ((ulong)vcpu.Index * 64)));
                vcpu.Store(s_base.Plus((page * 4096) + ((ulong)vcpu.Index * 64)), 1);
            }

            Interlocked.Increment(ref emulated);
        }));
        machine.AddSlot(s_base, Own(NativeHostMemory.Create(24)));
        var end = Environment.TickCount64 + 250;
        var done = 0;
        Within(60, () =>
        {
            var zapper = new Thread(() =>
            {
                while (Volatile.Read(ref done) == 0)
                {
                    machine.Zap(new GfnRange(new Gfn(Base), 24));
                }
            });
            zapper.Start();
            try
            {
                machine.Run(
                    vcpu =>
                    {
                        do
                        {
                            _ = vcpu.Load<byte>(s_device);
                            vcpu.Write(s_device, new byte[8]);
                        }
                        while (Environment.TickCount64 < end);
                    },
                    Token);
            }
            finally
            {
                Volatile.Write(ref done, 1);
                zapper.Join();
            }
        });
        Assert.True(emulated >= 2 * Vcpus, $"{emulated} accesses were emulated");
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void More_host_threads_than_lanes_wait_in_one_order(string configuration)
    {
        const int Threads = 72;
        const int Rounds = 8;
        var machine = Own(MachineFactory.Create(configuration));
        var logged = machine.AddSlot(s_base, Own(NativeHostMemory.Create(64, PageFilling.HostFilled)));
        machine.StartDirtyLog(logged);
        var memory = Own(NativeHostMemory.Create(Threads));
        Within(60, () =>
        {
            using var go = new Barrier(Threads);
            var failure = default(Exception);
            var threads = Enumerable.Range(0, Threads).Select(index => new Thread(() =>
            {
                go.SignalAndWait();
                for (var round = 0; round < Rounds && failure is null; round++)
                {
                    failure ??= Record.Exception(() => Use(machine, logged, memory, index));
                }
            })).ToList();
            threads.ForEach(static thread => thread.Start());
            threads.ForEach(static thread => thread.Join());
            Assert.Null(failure);
        });
        Assert.Single(machine.Slots);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_compare_exchange_over_two_pages_fails_as_a_whole_where_one_is_emulated(string configuration)
    {
        var emulated = 0;
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2, mmio: (_, _, _, _) => emulated++));
        machine.AddSlot(s_base, Own(NativeHostMemory.Create(1)));
        var readOnly = new Gfn(Base + 1).Address;
        machine.AddSlot(readOnly, Own(NativeHostMemory.Create(1)), new MemorySlotOptions { ReadOnly = true });
        machine.Write(s_base, -1L);
        machine.Write(s_base.Plus(4088), -1L);
        Within(30, () => On(machine, vcpu =>
        {
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(s_device.Plus(4092), 1L, 0L));
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(s_base.Plus(4092), 1L, 0xffff_ffffL));
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(new Gpa(s_base.Value - 4), 1L, -1L << 32));
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(s_device, 1L, 0L));
            Assert.Throws<NotSupportedException>(() => vcpu.CompareExchange(s_base, default(Guid), default));

            // All others are let at memory again.
            On(machine, static other => other.Store(s_base.Plus(64), 3), vcpu: 1);
            Assert.Equal(3, vcpu.Load<int>(s_base.Plus(64)));
        }));
        Assert.Equal(0, emulated);
        Assert.Equal(-1L, machine.Read<long>(s_base));
        Assert.Equal(-1L, machine.Read<long>(s_base.Plus(4088)));
        Assert.Equal(0L, machine.Read<long>(readOnly));
    }

    private static void Use(VirtualMachine machine, MemorySlot logged, NativeHostMemory memory, int index)
    {
        var page = (ulong)index % 64;
        switch (index % 4)
        {
            case 0:
                var slot = machine.AddSlot(
                    new Gfn((ulong)index).Address, memory, new MemorySlotOptions { MemoryOffset = (ulong)index * 4096, Length = 4096 });
                machine.Write(slot.BaseAddress, index);
                machine.DeleteSlot(slot);
                break;
            case 1:
                _ = machine.GetDirtyLog(logged, new ulong[logged.DirtyLogWords]);
                break;
            case 2:
                machine.Discard(s_base.Plus(page * 4096), 4096);
                break;
            default:
                using (machine.BeginInvalidation(new GfnRange(new Gfn(Base + page), 1)))
                {
                    machine.Zap(new GfnRange(new Gfn(Base), 64));
                }

                _ = machine.Read<int>(s_base.Plus(page * 4096));
                break;
        }
    }
}
