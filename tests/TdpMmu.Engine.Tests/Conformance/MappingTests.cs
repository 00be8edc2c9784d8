using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>What faults map and what zaps, splits and protection take away, compared with the model after every step.</summary>
public sealed class MappingTests : EngineTest
{
    // A frame that is aligned to 1 GiB.
    private const ulong Base = 0x40000;

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Resident_aligned_memory_is_mapped_in_two_megabytes(string configuration)
    {
        var machine = Create(configuration);
        machine.AddSlot(Base, Own(NativeHostMemory.Create(1024)));
        machine.Read(Base + 5);
        machine.Write(Base + 6);
        machine.Write(Base + 1023);
        Assert.Equal(2, machine.Machine.GetStatistics().Leaves2MiB);
        machine.Read(Base + 1024);
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Slots_and_memory_that_are_aligned_differently_are_mapped_in_small_pages(string configuration)
    {
        var machine = Create(configuration);
        machine.AddSlot(Base, Own(NativeHostMemory.Create(1024, skipPages: 1)));
        machine.Write(Base + 511);
        machine.Write(Base + 512);
        Assert.Equal(2, machine.Machine.GetStatistics().Leaves4KiB);
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void A_slot_whose_ends_are_not_aligned_is_mapped_large_only_inside(string configuration)
    {
        // B16: the large ranges at both ends reach beyond the slot.
        var machine = Create(configuration);
        machine.AddSlot(Base + 7, Own(NativeHostMemory.Create(1024 + 5, skipPages: 7)));
        foreach (var frame in new ulong[] { 7, 511, 512, 1000, 1023, 1024, 1024 + 11 })
        {
            machine.Write(Base + frame);
        }

        machine.Read(Base + 6);
        machine.Read(Base + 1024 + 12);
        Assert.Equal(1, machine.Machine.GetStatistics().Leaves2MiB);
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void The_largest_mapping_is_what_the_slot_allows(string configuration)
    {
        var machine = Create(configuration);
        machine.AddSlot(Base, Own(NativeHostMemory.Create(512)), new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
        machine.Write(Base);
        machine.Write(Base + 1);
        Assert.Equal(2, machine.Machine.GetStatistics().Leaves4KiB);
    }

    [Fact]
    public void A_gigabyte_is_mapped_by_one_entry_and_splits_step_by_step()
    {
        var machine = Create("ept/direct/rcu");
        var slot = machine.AddSlot(Base, Own(NativeHostMemory.Create(1UL << 18, alignment: PageGeometry.Size1GiB)));
        machine.Write(Base + 12345);
        Assert.Equal(1, machine.Machine.GetStatistics().Leaves1GiB);
        machine.SetSmallPagesOnly(slot, on: true);
        machine.WriteProtect(Base, 1, keepMmuWritable: false);
        machine.Write(Base + 600);
        Assert.Equal(511, machine.Machine.GetStatistics().Leaves2MiB);
        Assert.Equal(512, machine.Machine.GetStatistics().Leaves4KiB);
        machine.Zap(Base + 1, 1);
        machine.Read(Base + 12345);
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void Writing_to_a_large_page_where_only_small_ones_are_allowed_splits_it(bool keepMmuWritable)
    {
        foreach (var configuration in MachineFactory.All)
        {
            var machine = Create(configuration.Data);
            var slot = machine.AddSlot(Base, Own(NativeHostMemory.Create(1024)));
            machine.Write(Base + 3);
            machine.Write(Base + 515);
            machine.SetSmallPagesOnly(slot, on: true);

            // Reading needs no split; neither does writing through an entry that permits it.
            machine.Read(Base + 4);
            machine.Write(Base + 4);
            machine.WriteProtect(Base + 5, 1, keepMmuWritable);
            machine.Read(Base + 4);
            machine.Write(Base + 4);
            Assert.Equal(512, machine.Machine.GetStatistics().Leaves4KiB);
            machine.SetSmallPagesOnly(slot, on: false);
            machine.Write(Base + 9);
            machine.Zap(Base, 512);
            machine.Write(Base + 9);
            Assert.Equal(2, machine.Machine.GetStatistics().Leaves2MiB);
        }
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Zaps_take_what_they_touch_and_nothing_else(string configuration)
    {
        var machine = Create(configuration);
        machine.AddSlot(Base - 512, Own(NativeHostMemory.Create(1536)), new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
        Fill();
        machine.Zap(Base, 1);
        machine.Zap(Base - 1, 1);
        machine.Zap(Base + 511, 2);
        Fill();

        // C1: bounds inside an entry, at its edges, and one frame to either side of them.
        foreach (var start in new ulong[] { Base - 1, Base, Base + 1 })
        {
            foreach (var end in new ulong[] { Base + 511, Base + 512, Base + 513 })
            {
                machine.Zap(start, end - start);
                Fill();
            }
        }

        machine.Zap(Base + 7, 0);
        machine.Zap(0, Base);
        machine.Zap(Base + 513, 1UL << 30);
        machine.Zap(0, machine.Machine.Mmu.FrameLimit.Value);
        Fill();
        machine.Zap(1, ulong.MaxValue - 1);
        Assert.Empty(machine.Machine.Mmu.ListMappings());
        machine.Zap(ulong.MaxValue - 5, 5);

        void Fill()
        {
            foreach (var frame in new ulong[] { Base - 512, Base - 2, Base - 1, Base, Base + 1, Base + 510, Base + 511, Base + 512, Base + 513 })
            {
                machine.Write(frame);
            }
        }
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_zap_of_part_of_a_large_page_takes_it_as_a_whole_and_an_empty_one_takes_nothing(string configuration)
    {
        var machine = Create(configuration);
        machine.AddSlot(Base, Own(NativeHostMemory.Create(1024)));
        machine.Write(Base);
        machine.Write(Base + 512);
        machine.Zap(Base + 100, 1);
        machine.Write(Base);
        machine.Zap(Base + 511, 2);
        machine.Write(Base);
        machine.Write(Base + 512);
        machine.Machine.Zap(new GfnRange(new Gfn(Base + 100), 0));
        machine.Compare();
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void A_write_to_a_protected_page_is_granted_fast_or_slowly(string configuration)
    {
        var machine = Create(configuration);
        machine.AddSlot(Base, Own(NativeHostMemory.Create(16, skipPages: 1)));
        machine.Write(Base);
        machine.Write(Base + 1);
        machine.WriteProtect(Base, 2, keepMmuWritable: true);
        machine.Read(Base);
        machine.Write(Base);
        Assert.Equal(1UL, machine.Machine.GetStatistics().Vcpus[0].FastFaults);

        // B15: an entry that is not writable already must still lose its MMU-writable bit.
        machine.WriteProtect(Base, 2, keepMmuWritable: false);
        machine.Write(Base);
        machine.Write(Base + 1);
        Assert.Equal(1UL, machine.Machine.GetStatistics().Vcpus[0].FastFaults);
        machine.WriteProtect(Base, 2, keepMmuWritable: true);
        machine.Write(Base + 1);
        Assert.Equal(2UL, machine.Machine.GetStatistics().Vcpus[0].FastFaults);
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Pages_that_the_host_fills_are_mapped_small_until_all_of_a_large_page_is_there(string configuration)
    {
        var machine = Create(configuration);
        var memory = Own(NativeHostMemory.Create(512, PageFilling.HostFilled));
        machine.AddSlot(Base, memory);
        machine.Write(Base + 1);
        machine.Read(Base + 2);
        Assert.Equal(2, memory.PopulateCalls);
        for (var frame = 0UL; frame < 512; frame++)
        {
            machine.Machine.Write(new Gfn(Base + frame).Address.Plus(64), frame);
            machine.Tree.BringIn(Base + frame);
        }

        Assert.Equal(512, memory.PopulateCalls);
        machine.Zap(Base, 512);
        machine.Read(Base + 2);
        Assert.Equal(1, machine.Machine.GetStatistics().Leaves2MiB);
    }

    private ModelledMachine Create(string configuration) =>
        new(Own(MachineFactory.Create(configuration)), MachineFactory.HasFiveLevels(configuration));
}
