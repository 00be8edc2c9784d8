using Npt = TdpMmu.Formats.Npt<TdpMmu.Formats.FourLevel>;

namespace TdpMmu.Engine.Tests.Formats;

/// <summary>Bit positions as literals from the AMD64 Architecture Programmer's Manual, volume 2, sections 5.3 and 15.25.</summary>
public sealed class NptTests
{
    [Fact]
    public void Tables_are_present_writable_and_for_users()
    {
        // Present, write, user (2:0), accessed (5), the MMU's own bit 11, address in 51:12.
        Assert.Equal(0x0000_0012_3456_7827UL, Npt.MakeTable(new Pfn(0x12_3456_7)).Value);
        Assert.True(Npt.IsWellFormed(Npt.MakeTable(new Pfn(0x1234567)), new PagingLevel(2)));
        Assert.False(Npt.IsWellFormed(Npt.MakeTable(new Pfn(0x1234567)), new PagingLevel(1)));
    }

    [Theory]
    [InlineData(1, GuestAccess.Read, false, false, 0x8000_0000_0020_0825UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Execute, true, false, 0x0000_0000_0020_0a25UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, false, 0x0000_0000_0020_0e27UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, true, 0x0000_0000_0020_0e67UL)]
    [InlineData(2, GuestAccess.Read | GuestAccess.Write, true, true, 0x8000_0000_0020_0ee7UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Write, false, true, 0x8000_0000_0020_0825UL)]
    public void Leaves_have_their_bits_where_the_manual_says(int level, GuestAccess access, bool hostWritable, bool dirty, ulong expected)
    {
        var leaf = Npt.MakeLeaf(new Pfn(0x200), new PagingLevel(level), access, hostWritable, dirty);
        Assert.Equal(expected, leaf.Value);
        Assert.True(Npt.IsPresent(leaf) && Npt.IsLeaf(leaf, new PagingLevel(level)) && !Npt.IsMmio(leaf));
        Assert.True(Npt.IsWellFormed(leaf, new PagingLevel(level)));
        Assert.Equal(0x200UL, Npt.FrameOf(leaf).Value);
        Assert.Equal(hostWritable, Npt.IsHostWritable(leaf));
        Assert.True(Npt.IsAccessed(leaf));
    }

    [Fact]
    public void History_and_protection_change_single_bits()
    {
        var leaf = Npt.MakeLeaf(new Pfn(1), PagingLevel.Page4KiB, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, dirty: false);
        Assert.Equal(1UL << 6, Npt.WithAccessRecorded(leaf, write: true).Value ^ leaf.Value);
        Assert.Equal(leaf, Npt.WithAccessRecorded(leaf, write: false));
        Assert.Equal(1UL << 1, Npt.WithoutWrite(leaf, keepMmuWritable: true).Value ^ leaf.Value);
        Assert.Equal((1UL << 1) | (1UL << 10), Npt.WithoutWrite(leaf, keepMmuWritable: false).Value ^ leaf.Value);
        var granted = Npt.WithWriteGranted(Npt.WithoutWrite(leaf, keepMmuWritable: true));
        Assert.Equal(leaf.Value | (1UL << 6), granted.Value);
        Assert.True(Npt.IsDirty(granted) && Npt.IsMmuWritable(granted));
    }

    [Fact]
    public void An_mmio_value_has_a_reserved_address_bit_and_keeps_frame_and_generation()
    {
        var value = Npt.MakeMmio(new Gfn(0xfee00), 0x7_ffff);
        Assert.Equal(0x7ff8_0000_fee0_07f9UL, value.Value);
        Assert.Equal(0x7_ffffUL, Npt.MmioGenerationOf(value));
        Assert.Equal(0xfee00UL, Npt.MmioFrameOf(value).Value);
        Assert.True(Npt.IsMmio(value) && !Npt.IsPresent(value) && Npt.IsWellFormed(value, PagingLevel.Page4KiB));
    }
}
