using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Invalidations with something that the host does inside, and discards.</summary>
public sealed class InvalidationTests : EngineTest
{
    private const ulong Base = 0x40000;

    private static readonly Gpa s_base = new Gfn(Base).Address;

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void What_the_host_does_inside_is_seen_afterwards(string configuration)
    {
        var machine = Create(configuration);
        var memory = Own(NativeHostMemory.Create(1024));
        machine.AddSlot(Base, memory);
        machine.Write(Base + 1);
        machine.Write(Base + 700);
        machine.Invalidate(Base + 1, 1, () =>
        {
            memory.Bytes(4096 + 8, 1)[0] = 0x5c;

            // B18: the neighbours of an invalidated frame are reached, by small mappings only.
            machine.Read(Base + 2);
            machine.Read(Base + 701);
        });
        Assert.Equal(0x5c, On(machine.Machine, vcpu => vcpu.Load<byte>(s_base.Plus(4096 + 8))));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Faults_on_the_range_wait_and_others_do_not(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2));
        var memory = Own(NativeHostMemory.Create(16));
        machine.AddSlot(s_base, memory);
        machine.Write(s_base.Plus(4096), 1);
        Within(30, () =>
        {
            var seen = 0;
            Thread guest;
            using (machine.BeginInvalidation(new GfnRange(new Gfn(Base + 1), 1)))
            {
                guest = new Thread(() => On(machine, vcpu => seen = vcpu.Load<int>(s_base.Plus(4096))));
                guest.Start();
                On(machine, vcpu => vcpu.Store(s_base, 5), vcpu: 1);
                On(machine, vcpu => vcpu.Store(s_base.Plus(2 * 4096), 5), vcpu: 1);
                memory.Bytes(4096, 1)[0] = 2;
            }

            guest.Join();
            Assert.Equal(2, seen);
        });
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Discarded_pages_come_back_empty(string configuration)
    {
        var machine = Create(configuration);
        var memory = Own(NativeHostMemory.Create(600));
        machine.AddSlot(Base, memory);
        machine.Write(Base + 3);
        machine.Write(Base + 4);
        machine.Write(Base + 512);
        machine.Discard(Base + 4, 508);
        machine.Read(Base + 3);
        machine.Read(Base + 4);
        machine.Read(Base + 511);
        machine.Read(Base + 512);
        Assert.Equal(1, memory.DiscardCalls);
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Discarding_memory_takes_it_from_every_slot_that_shows_it(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var memory = Own(NativeHostMemory.Create(8));
        machine.AddSlot(s_base, memory);
        machine.AddSlot(new Gpa(0x1000), memory, new MemorySlotOptions { MemoryOffset = 4096, Length = 6 * 4096 });
        On(machine, vcpu =>
        {
            vcpu.Store(s_base.Plus(3 * 4096), 7);
            Assert.Equal(7, vcpu.Load<int>(new Gpa(0x1000 + (2 * 4096))));
            machine.Discard(s_base.Plus(2 * 4096), 2 * 4096);

            // A translation that is still there leads to the poison that the discard left.
            Assert.Equal(0, vcpu.Load<int>(new Gpa(0x1000 + (2 * 4096))));
            Assert.Equal(0, vcpu.Load<int>(s_base.Plus(3 * 4096)));
        });
    }

    [Fact]
    public void Memory_that_many_slots_show_is_discarded_too()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        var memory = Own(NativeHostMemory.Create(1));
        for (var index = 0UL; index < 100; index++)
        {
            machine.AddSlot(new Gfn(index * 3).Address, memory);
        }

        On(machine, vcpu =>
        {
            for (var index = 0UL; index < 100; index++)
            {
                vcpu.Store(new Gfn(index * 3).Address, 7);
            }
        });
        Within(30, () => machine.Discard(new Gfn(33).Address, 4096));
        Assert.Empty(machine.Mmu.ListMappings());
        Assert.Equal(0, On(machine, vcpu => vcpu.Load<int>(new Gfn(99).Address)));
    }

    [Fact]
    public void A_discard_that_is_not_all_memory_does_nothing()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        var memory = Own(NativeHostMemory.Create(8));
        machine.AddSlot(s_base, memory);
        Assert.Throws<GuestMemoryException>(() => machine.Discard(s_base, 9 * 4096));
        Assert.Throws<ArgumentException>(() => machine.Discard(s_base.Plus(1), 4096));
        Assert.Throws<ArgumentException>(() => machine.Discard(s_base, 4095));
        machine.Discard(s_base, 0);
        Assert.Equal(0, memory.DiscardCalls);
    }

    [Fact]
    public void More_invalidations_than_there_are_places_wait_for_any_that_ends()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        var scopes = Enumerable.Range(0, 64).Select(index => machine.BeginInvalidation(new GfnRange(new Gfn((ulong)index), 1))).ToList();
        Within(30, () =>
        {
            var another = new Thread(() => machine.BeginInvalidation(new GfnRange(new Gfn(100), 1)).Dispose());
            another.Start();
            Assert.False(another.Join(50));

            // Not the first one, which may last as long as it likes.
            scopes[40].Dispose();
            another.Join();
        });
        scopes.ForEach(static scope => scope.Dispose());
        scopes[3].Dispose();
    }

    private ModelledMachine Create(string configuration) =>
        new(Own(MachineFactory.Create(configuration)), MachineFactory.HasFiveLevels(configuration));
}
