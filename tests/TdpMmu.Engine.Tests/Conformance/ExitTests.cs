using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Accesses that are not to memory, or not allowed.</summary>
public sealed class ExitTests : EngineTest
{
    private const ulong Base = 0x8000_0000;

    private readonly List<string> _exits = [];

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Accesses_without_memory_reach_the_owner_with_address_length_and_data(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, mmio: Record));
        On(machine, vcpu =>
        {
            vcpu.Store(new Gpa(0xfee0_0010), 0x1122_3344u);
            Assert.Equal(0x1011_1213u, vcpu.Load<uint>(new Gpa(0xfee0_0010)));

            // Across a page boundary there are two exits, none longer than its page.
            vcpu.Store(new Gpa(0xfee0_0ffd), 0x8877_6655_4433_2211UL);
            vcpu.Write(new Gpa(ulong.MaxValue), [7]);
        });
        Assert.Equal(
            [
                "write 0xfee00010 44332211",
                "read 0xfee00010 4",
                "write 0xfee00ffd 112233",
                "write 0xfee01000 4455667788",
                "write 0xffffffffffffffff 07",
            ],
            _exits);
        Assert.Equal(5UL, machine.GetStatistics().Vcpus[0].MmioExits);
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Writes_to_read_only_memory_exit_and_change_nothing(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, mmio: Record));
        var memory = Own(NativeHostMemory.Create(512));
        machine.AddSlot(new Gpa(Base), memory, new MemorySlotOptions { ReadOnly = true });
        machine.Write(new Gpa(Base + 16), 42UL);
        On(machine, vcpu =>
        {
            vcpu.Store(new Gpa(Base + 16), 1UL);
            Assert.Equal(42UL, vcpu.Load<ulong>(new Gpa(Base + 16)));
            vcpu.Store(new Gpa(Base + 16), 2UL);
            Assert.Equal(42UL, vcpu.Load<ulong>(new Gpa(Base + 16)));
            vcpu.FetchInstruction(new Gpa(Base));
        });
        Assert.Equal(["write 0x80000010 0100000000000000", "write 0x80000010 0200000000000000"], _exits);
        Assert.All(machine.Mmu.ListMappings(), static mapping => Assert.Equal(GuestAccess.Read | GuestAccess.Execute, mapping.Access));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Without_an_owner_for_them_such_accesses_fail(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        machine.AddSlot(new Gpa(Base), Own(NativeHostMemory.Create(1)), new MemorySlotOptions { ReadOnly = true });
        On(machine, vcpu =>
        {
            Assert.Equal(0x1234UL, Assert.Throws<GuestMemoryException>(() => vcpu.Load<byte>(new Gpa(0x1234))).Address.Value);
            Assert.Equal(Base, Assert.Throws<GuestMemoryException>(() => vcpu.Store(new Gpa(Base), 1)).Address.Value);
            Assert.Throws<GuestMemoryException>(() => vcpu.FetchInstruction(new Gpa(0x1234)));
            Assert.Throws<GuestMemoryException>(() => vcpu.Write(new Gpa(Base + 0xfff), [1, 2]));
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Compare_exchange_on_memory_that_cannot_be_written_fails_whatever_its_alignment(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, mmio: Record));
        machine.AddSlot(new Gpa(Base), Own(NativeHostMemory.Create(1)));
        machine.AddSlot(new Gpa(Base + 0x1000), Own(NativeHostMemory.Create(1)), new MemorySlotOptions { ReadOnly = true });
        On(machine, vcpu =>
        {
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(new Gpa(Base + 0x1000), 1, 0));

            // It must not have changed the half that can be written.
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(new Gpa(Base + 0xffe), -1, 0));
            Assert.Equal(0, vcpu.Load<ushort>(new Gpa(Base + 0xffe)));
            Assert.Throws<GuestMemoryException>(() => vcpu.CompareExchange(new Gpa(Base + 0x1ffe), 1, 0));
        });
        Assert.Empty(_exits);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void The_owner_may_change_slots_and_use_the_vcpu_while_it_emulates(string configuration)
    {
        var memory = Own(NativeHostMemory.Create(1, PageFilling.HostFilled));
        var machine = default(VirtualMachine)!;
        machine = Own(MachineFactory.Create(configuration, vcpus: 3, permits: 1, mmio: (vcpu, address, data, isWrite) =>
        {
            if (isWrite)
            {
                machine.DeleteSlot(machine.Slots.Single(slot => slot.BaseAddress == address.Frame.Address));
                return;
            }

            machine.AddSlot(address.Frame.Address, memory, new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });

            // A device that reaches memory through the vCPU that is stopped at it.
            vcpu.Store(address.Frame.Address, 0x55);
            data.Fill(0x77);
        }));
        var other = Own(NativeHostMemory.Create(1));
        machine.AddSlot(default, other);
        Within(30, () => machine.Run(
            vcpu =>
            {
                // The others want the only permit all the time.
                while (vcpu.Index != 0 && vcpu.Load<int>(default) == 0)
                {
                }

                if (vcpu.Index == 0)
                {
                    Assert.Equal(0x77, vcpu.Load<byte>(new Gpa(Base)));
                    Assert.Equal(0x55, vcpu.Load<byte>(new Gpa(Base)));
                    vcpu.Store(default, 1);
                }
            },
            Token));
        machine.DeleteSlot(machine.Slots.Single(slot => slot.Memory == other));
        machine.DeleteSlot(Assert.Single(machine.Slots));
    }

    private void Record(Vcpu vcpu, Gpa address, Span<byte> data, bool isWrite)
    {
        if (isWrite)
        {
            _exits.Add($"write {address} {Convert.ToHexString(data)}");
            return;
        }

        _exits.Add($"read {address} {data.Length}");
        for (var index = 0; index < data.Length; index++)
        {
            data[data.Length - 1 - index] = (byte)(0x10 + index);
        }
    }
}
