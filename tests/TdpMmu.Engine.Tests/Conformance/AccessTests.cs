using System.Runtime.InteropServices;
using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Loads, stores, compare-exchange and block copies of every size and alignment.</summary>
public sealed class AccessTests : EngineTest
{
    private const ulong Base = 0x4000_0000;

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Values_of_every_size_are_read_where_they_were_written(string configuration)
    {
        var machine = CreateTwoSlots(configuration);
        On(machine, vcpu =>
        {
            // Around the middle of a page, a page boundary, and the boundary between two slots.
            foreach (var boundary in new ulong[] { 0x800, 0x1000, 0x4000 })
            {
                for (var offset = boundary - 9; offset <= boundary + 1; offset++)
                {
                    RoundTrip<byte>(vcpu, new Gpa(Base + offset), 0xa5);
                    RoundTrip<ushort>(vcpu, new Gpa(Base + offset), 0xa55a);
                    RoundTrip(vcpu, new Gpa(Base + offset), 0xa55a_0ff0);
                    RoundTrip(vcpu, new Gpa(Base + offset), 0xa55a_0ff0_1234_5678);
                    RoundTrip(vcpu, new Gpa(Base + offset), new Guid("01234567-89ab-cdef-0123-456789abcdef"));
                }
            }
        });
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Compare_exchange_of_every_size_and_alignment_exchanges_only_on_a_match(string configuration)
    {
        var machine = CreateTwoSlots(configuration);
        On(machine, vcpu =>
        {
            foreach (var boundary in new ulong[] { 0x800, 0x1000, 0x4000 })
            {
                for (var offset = boundary - 9; offset <= boundary + 1; offset++)
                {
                    var address = new Gpa(Base + offset);
                    Exchange<byte>(vcpu, address, 1, 2, 3);
                    Exchange<ushort>(vcpu, address, 0x101, 0x202, 0x303);
                    Exchange<uint>(vcpu, address, 0x1010101, 0x2020202, 0x3030303);
                    Exchange<ulong>(vcpu, address, 0x101010101010101, 0x202020202020202, 0x303030303030303);
                }
            }
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Compare_exchange_of_an_impossible_size_is_refused_and_hangs_nobody(string configuration)
    {
        var machine = CreateTwoSlots(configuration);
        foreach (var offset in new ulong[] { 0, 1, 0xffc })
        {
            On(machine, vcpu =>
            {
                vcpu.Store(new Gpa(Base + offset), 1);
                Assert.Throws<NotSupportedException>(() => vcpu.CompareExchange(new Gpa(Base + offset), Guid.Empty, Guid.Empty));
            });

            // A window that was left open would be waited for without end.
            Within(20, () => machine.Zap(new GfnRange(new Gpa(Base).Frame, 8)));
        }
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Values_larger_than_a_page_stay_inside_the_pages_that_they_cover(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var first = Own(NativeHostMemory.Create(1));
        var second = Own(NativeHostMemory.Create(1));
        var third = Own(NativeHostMemory.Create(1));
        machine.AddSlot(new Gpa(Base), first);
        machine.AddSlot(new Gpa(Base + 0x1000), second);
        machine.AddSlot(new Gpa(Base + 0x2000), third);
        On(machine, vcpu =>
        {
            vcpu.Store(new Gpa(Base), (byte)1);
            var big = default(TwoPages);
            MemoryMarshal.AsBytes(new Span<TwoPages>(ref big)).Fill(0x77);
            vcpu.Store(new Gpa(Base), big);
            vcpu.Store(new Gpa(Base + 0x800), vcpu.Load<TwoPages>(new Gpa(Base)));
        });
        Assert.Equal(-1, first.Bytes(0, 0x1000).IndexOfAnyExcept((byte)0x77));
        Assert.Equal(-1, second.Bytes(0, 0x1000).IndexOfAnyExcept((byte)0x77));
        Assert.Equal(-1, third.Bytes(0, 0x800).IndexOfAnyExcept((byte)0x77));
        Assert.Equal(-1, third.Bytes(0x800, 0x800).IndexOfAnyExcept((byte)0));
    }

    [Theory, MemberData(nameof(MachineFactory.All), MemberType = typeof(MachineFactory))]
    public void Block_copies_cross_pages_and_slots(string configuration)
    {
        var machine = CreateTwoSlots(configuration);
        var data = new byte[0x3123];
        new Random(1).NextBytes(data);
        On(machine, vcpu =>
        {
            vcpu.Write(new Gpa(Base + 0x2345), data);
            var copy = new byte[data.Length];
            vcpu.Read(new Gpa(Base + 0x2345), copy);
            Assert.Equal(data, copy);
            vcpu.Read(new Gpa(Base), []);
            vcpu.Write(new Gpa(Base), []);
        });
        var host = new byte[data.Length];
        machine.Read(new Gpa(Base + 0x2345), host);
        Assert.Equal(data, host);
        machine.Write(new Gpa(Base + 0x3ffc), 0x1122_3344_5566_7788UL);
        Assert.Equal(0x1122_3344_5566_7788UL, On(machine, vcpu => vcpu.Load<ulong>(new Gpa(Base + 0x3ffc))));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void The_host_reaches_memory_that_the_guest_never_touched_and_is_told_where_there_is_none(string configuration)
    {
        var machine = CreateTwoSlots(configuration);
        machine.Write(new Gpa(Base + 8), 5UL);
        Assert.Equal(5UL, machine.Read<ulong>(new Gpa(Base + 8)));
        Assert.Empty(machine.Mmu.ListMappings());
        Assert.True(machine.TryRead<ulong>(new Gpa(Base + 8), out var value) && value == 5);
        Assert.False(machine.TryRead<ulong>(new Gpa(Base + 0x7ffc), out _));
        Assert.Equal(Base + 0x8000, Assert.Throws<GuestMemoryException>(() => machine.Read<ulong>(new Gpa(Base + 0x7ffc))).Address.Value);
        Assert.Throws<GuestMemoryException>(() => machine.Write(new Gpa(ulong.MaxValue - 3), 1));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_counter_that_crosses_pages_is_counted_atomically_by_four_vcpus(string configuration)
    {
        const int Rounds = 300;
        var machine = Own(MachineFactory.Create(configuration, vcpus: 4, permits: 2));
        machine.AddSlot(new Gpa(Base), Own(NativeHostMemory.Create(2)), new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
        var address = new Gpa(Base + 0xffd);
        Within(60, () => machine.Run(
            vcpu =>
            {
                for (var round = 0; round < Rounds; round++)
                {
                    ulong seen;
                    do
                    {
                        seen = vcpu.Load<ulong>(address);
                    }
                    while (vcpu.CompareExchange(address, seen + 1, seen) != seen);
                }
            },
            Token));
        Assert.Equal(4UL * Rounds, machine.Read<ulong>(address));
    }

    private static void RoundTrip<T>(Vcpu vcpu, Gpa address, T value)
        where T : unmanaged, IEquatable<T>
    {
        vcpu.Store(address, value);
        Assert.Equal(value, vcpu.Load<T>(address));
        vcpu.Store(address, default(T));
        Assert.Equal(default, vcpu.Load<T>(address));
    }

    private static void Exchange<T>(Vcpu vcpu, Gpa address, T initial, T next, T other)
        where T : unmanaged, IEquatable<T>
    {
        vcpu.Store(address, initial);
        Assert.Equal(initial, vcpu.CompareExchange(address, next, other));
        Assert.Equal(initial, vcpu.CompareExchange(address, next, initial));
        Assert.Equal(next, vcpu.Load<T>(address));
    }

    private VirtualMachine CreateTwoSlots(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        machine.AddSlot(new Gpa(Base), Own(NativeHostMemory.Create(4)));
        machine.AddSlot(new Gpa(Base + 0x4000), Own(NativeHostMemory.Create(4, skipPages: 3)));
        return machine;
    }

    [StructLayout(LayoutKind.Sequential, Size = 0x2000)]
    private struct TwoPages;
}
