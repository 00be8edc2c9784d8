using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Creating and deleting slots, and what is refused.</summary>
public sealed class SlotTests : EngineTest
{
    private const ulong Base = 0x40000;

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Slots_come_and_go_with_their_mappings(string configuration)
    {
        var machine = new ModelledMachine(Own(MachineFactory.Create(configuration)), MachineFactory.HasFiveLevels(configuration));
        var memory = Own(NativeHostMemory.Create(2048));
        var first = machine.AddSlot(Base, memory, new MemorySlotOptions { Length = 512 * 4096 });
        var second = machine.AddSlot(Base + 512, memory, new MemorySlotOptions { MemoryOffset = 1024 * 4096 });
        machine.Write(Base + 511);
        machine.Write(Base + 512);
        machine.DeleteSlot(first);
        machine.Read(Base + 511);
        machine.Read(Base + 512);

        // The same memory in another place keeps its contents.
        var third = machine.AddSlot(Base - 100, memory, new MemorySlotOptions { Length = 512 * 4096, ReadOnly = true });
        machine.Read(Base + 411);
        machine.Write(Base + 411);
        machine.DeleteSlot(second);
        machine.DeleteSlot(third);
        Assert.Empty(machine.Machine.Slots);
        Assert.Throws<ArgumentException>(() => machine.Machine.DeleteSlot(third.Slot));
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Slots_reach_to_the_last_frame_that_the_tables_address(string configuration)
    {
        var machine = new ModelledMachine(Own(MachineFactory.Create(configuration)), MachineFactory.HasFiveLevels(configuration));
        var limit = MachineFactory.HasFiveLevels(configuration) ? 1UL << 40 : 1UL << 36;
        Assert.Equal(limit, machine.Machine.Mmu.FrameLimit.Value);
        var memory = Own(NativeHostMemory.Create(512));
        machine.AddSlot(limit - 512, memory);
        machine.AddSlot(0, memory, new MemorySlotOptions { Length = 4096 });
        machine.Write(limit - 1);
        machine.Write(0);
        machine.Zap(limit - 1, 1);
        Assert.Throws<ArgumentException>(() => machine.Machine.AddSlot(new Gfn(limit - 100).Address, memory));
        Assert.Throws<ArgumentException>(() => machine.Machine.AddSlot(new Gfn(limit).Address, memory));

        // Accesses behind the limit find no memory instead of what the low bits name.
        machine.Read(limit);
        machine.Read((1UL << 52) - 1);
    }

    [Fact]
    public void Wrong_slots_are_refused_and_leave_the_machine_as_it_was()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        var memory = Own(NativeHostMemory.Create(16));
        var address = new Gfn(Base).Address;
        var slot = machine.AddSlot(address, memory);
        Assert.Contains("overlaps", Assert.Throws<ArgumentException>(() => machine.AddSlot(address.Plus(15 * 4096), memory)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => machine.AddSlot(new Gfn(Base - 15).Address, memory));
        Assert.Throws<ArgumentException>(() => machine.AddSlot(new Gpa(0x800), memory));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { MemoryOffset = 0x800 }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { MemoryOffset = 16 * 4096 }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { Length = 0 }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { Length = 0x800 }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { Length = 17 * 4096 }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { MemoryOffset = 4096, Length = 16 * 4096 }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { MaxPageLevel = new PagingLevel(4) }));
        Assert.Throws<ArgumentException>(() => Add(new MemorySlotOptions { MaxPageLevel = default }));
        Assert.Throws<ArgumentNullException>(() => machine.AddSlot(default, null!));
        Assert.Throws<ArgumentNullException>(() => machine.DeleteSlot(null!));
        Assert.Same(slot, Assert.Single(machine.Slots));
        Assert.Throws<InvalidOperationException>(memory.Dispose);
        var other = Own(MachineFactory.Create("npt/direct/rcu"));
        Assert.Throws<ArgumentException>(() => other.DeleteSlot(slot));

        MemorySlot Add(MemorySlotOptions options) => machine.AddSlot(default, memory, options);
    }

    [Fact]
    public void Memory_that_was_disposed_is_refused()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        var memory = NativeHostMemory.Create(1);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => machine.AddSlot(default, memory));
        Assert.Empty(machine.Slots);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { VcpuCount = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { VcpuCount = 16_385 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { RunPermitCount = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { TlbEntries = 17 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { TlbEntries = 8 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { FaultTimingInterval = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { PageTableLimitBytes = 4096 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { Format = (PagingFormatKind)99 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { Mmu = (MmuKind)99 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new VirtualMachine(new VirtualMachineOptions { Lock = (LockPolicyKind)99 }));
        Assert.Throws<ArgumentNullException>(() => new VirtualMachine(null!));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Hundreds_of_slots_are_found(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var memory = Own(NativeHostMemory.Create(300));
        for (var index = 0UL; index < 300; index++)
        {
            machine.AddSlot(new Gfn(index * 7 % 300 * 1000).Address, memory, new MemorySlotOptions { MemoryOffset = index * 4096, Length = 4096 });
        }

        On(machine, vcpu =>
        {
            for (var index = 0UL; index < 300; index++)
            {
                vcpu.Store(new Gfn(index * 7 % 300 * 1000).Address, index);
                Assert.Throws<GuestMemoryException>(() => vcpu.Store(new Gfn((index * 1000) + 1).Address, index));
            }
        });
        for (var index = 0UL; index < 300; index++)
        {
            Assert.Equal(index, BitConverter.ToUInt64(memory.Bytes(index * 4096, 8)));
        }
    }
}
