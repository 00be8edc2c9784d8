using TdpMmu.Engine.Tests.Support;
using TdpMmu.Slots;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Bringing pages in: sources, refusals of the host, poison, and what deletion and discards do to it.</summary>
public sealed unsafe class PageTests : EngineTest
{
    private const ulong Base = 0x40000;

    private static readonly Gpa s_base = new Gfn(Base).Address;

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void The_faulting_thread_fetches_each_page_once(string configuration)
    {
        var source = new PatternSource();
        var machine = Own(MachineFactory.Create(configuration, vcpus: 4));
        machine.AddSlot(s_base, Own(NativeHostMemory.Create(64, PageFilling.FaultingThread, source)));
        Within(60, () => machine.Run(
            vcpu =>
            {
                for (var page = 0UL; page < 64; page++)
                {
                    Assert.Equal(PatternSource.WordOf(page, 511), vcpu.Load<ulong>(s_base.Plus((page * 4096) + 4088)));
                }
            },
            Token));
        Assert.Equal(64, source.Fetches);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_source_that_fails_poisons_the_page_for_everybody(string configuration)
    {
        var source = new PatternSource { Fetching = static (page, _) => Fail(page) };
        var machine = Own(MachineFactory.Create(configuration));
        machine.AddSlot(s_base, Own(NativeHostMemory.Create(4, PageFilling.FaultingThread, source)));
        On(machine, vcpu =>
        {
            Assert.IsType<TimeoutException>(Assert.Throws<PageSourceException>(() => vcpu.Load<int>(s_base.Plus(4096))).InnerException);
            Assert.Equal(s_base.Plus(4100), Assert.Throws<GuestMemoryException>(() => vcpu.Load<int>(s_base.Plus(4100))).Address);

            // A source's own cancellation, for instance a time limit of its network client, is a failure like any other.
            Assert.Throws<PageSourceException>(() => vcpu.Load<int>(s_base.Plus(2 * 4096)));
            Assert.Equal(PatternSource.WordOf(0, 0), vcpu.Load<ulong>(s_base));
        });
        Assert.Throws<GuestMemoryException>(() => machine.Read<int>(s_base.Plus(4096)));
        Assert.False(machine.TryRead<int>(s_base.Plus(4096), out _));
        Assert.False(machine.TryRead<int>(s_base.Plus(2 * 4096), out _));

        // A discard makes the page's contents anybody's guess, and so the poison goes with them.
        source.Fetching = null;
        machine.Discard(s_base.Plus(4096), 4096);
        Assert.Equal(PatternSource.WordOf(1, 0), machine.Read<ulong>(s_base.Plus(4096)));

        static void Fail(ulong page)
        {
            if (page != 0)
            {
                throw page == 1 ? new TimeoutException("no answer") : new TaskCanceledException("no answer in time");
            }
        }
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Poisoned_pages_fail_and_their_neighbours_do_not(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var memory = Own(NativeHostMemory.Create(4, PageFilling.HostFilled));
        machine.AddSlot(s_base, memory);
        Assert.Equal(0, machine.Read<int>(s_base));
        memory.States.PoisonMissing();
        On(machine, vcpu =>
        {
            vcpu.Store(s_base, 3);
            Assert.Throws<GuestMemoryException>(() => vcpu.Load<int>(s_base.Plus(4096)));
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(s_base.Plus(4094), 0, 0));
            Assert.Equal(3, vcpu.Load<int>(s_base));
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void The_hosts_refusal_reaches_the_guest_and_can_be_tried_again(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var memory = Own(NativeHostMemory.Create(4, PageFilling.HostFilled));
        machine.AddSlot(s_base, memory);
        memory.Populating = static _ => throw new HostMemoryException("ENOMEM", 12, "no memory");
        Assert.Equal(12, Assert.Throws<HostMemoryException>(() => On(machine, vcpu => vcpu.Load<int>(s_base))).ErrorNumber);
        Assert.Throws<HostMemoryException>(() => machine.Read<int>(s_base));
        memory.Populating = null;
        Assert.Equal(0, On(machine, vcpu => vcpu.Load<int>(s_base)));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_refusal_for_a_slot_that_is_being_deleted_is_no_error_but_a_retry(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, mmio: static (_, _, data, _) => data.Fill(0x99)));
        var memory = Own(NativeHostMemory.Create(4, PageFilling.HostFilled));
        var slot = machine.AddSlot(s_base, memory);
        var deleter = default(Thread);
        memory.Populating = _ =>
        {
            deleter = new Thread(() => machine.DeleteSlot(slot));
            deleter.Start();
            while (!IsMarked(slot))
            {
                Thread.Yield();
            }

            throw new HostMemoryException("ENOMEM", 12, "the memory is on its way out");
        };
        Within(30, () => Assert.Equal(0x99999999u, On(machine, vcpu => vcpu.Load<uint>(s_base))));
        deleter!.Join();
        Assert.Empty(machine.Slots);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Deleting_a_slot_calls_off_who_waits_for_anothers_claim(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, mmio: static (_, _, data, _) => data.Fill(0x99)));
        var memory = Own(NativeHostMemory.Create(4, PageFilling.HostFilled));
        var slot = machine.AddSlot(s_base, memory);
        Assert.True(memory.States.TryClaim(1));
        Within(30, () =>
        {
            var read = 0u;
            var guest = new Thread(() => On(machine, vcpu => read = vcpu.Load<uint>(s_base.Plus(4096))));
            guest.Start();
            while (!machine.Core.Participants.IsReferenced((nint)slot.Record, out _))
            {
                Thread.Yield();
            }

            machine.DeleteSlot(slot);
            guest.Join();
            Assert.Equal(0x99999999u, read);
        });
        memory.States.Abandon(1);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_page_that_is_discarded_while_it_is_fetched_is_fetched_again(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var source = new PatternSource();
        var memory = Own(NativeHostMemory.Create(4, PageFilling.FaultingThread, source));
        machine.AddSlot(s_base, memory);
        var first = true;
        source.Fetching = (_, _) =>
        {
            if (first)
            {
                first = false;
                machine.Discard(s_base, 4 * 4096);
            }
        };
        Within(30, () => Assert.Equal(PatternSource.WordOf(2, 0), On(machine, vcpu => vcpu.Load<ulong>(s_base.Plus(2 * 4096)))));
        Assert.Equal(2, source.Fetches);
    }

    // SAFETY: the record is not freed while the fault that asks holds its reference.
    private static bool IsMarked(MemorySlot slot) =>
        (SlotRecord.LoadFlags(slot.Record) & SlotFlags.Deleting) != 0;
}
