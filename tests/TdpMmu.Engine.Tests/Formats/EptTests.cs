using Ept = TdpMmu.Formats.Ept<TdpMmu.Formats.FourLevel>;

namespace TdpMmu.Engine.Tests.Formats;

/// <summary>Bit positions as literals from the Intel SDM, volume 3C, tables 30-1 to 30-7.</summary>
public sealed class EptTests
{
    [Fact]
    public void Tables_have_full_rights_and_no_reserved_bit()
    {
        // Read, write, execute (2:0), accessed (8), the MMU's own bit 11, address in 51:12.
        Assert.Equal(0x0000_0012_3456_7907UL, Ept.MakeTable(new Pfn(0x12_3456_7)).Value);
        Assert.True(Ept.IsWellFormed(Ept.MakeTable(new Pfn(0x1234567)), new PagingLevel(2)));
        Assert.False(Ept.IsWellFormed(Ept.MakeTable(new Pfn(0x1234567)), new PagingLevel(1)));
    }

    [Theory]
    [InlineData(1, GuestAccess.Read, false, false, 0x0000_0000_0020_0971UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Execute, true, false, 0x0200_0000_0020_0975UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, false, 0x0600_0000_0020_0977UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, true, 0x0600_0000_0020_0b77UL)]
    [InlineData(2, GuestAccess.Read | GuestAccess.Write, true, true, 0x0600_0000_0020_0bf3UL)]
    [InlineData(1, GuestAccess.Read | GuestAccess.Write, false, true, 0x0000_0000_0020_0971UL)]
    public void Leaves_have_their_bits_where_the_manual_says(int level, GuestAccess access, bool hostWritable, bool dirty, ulong expected)
    {
        var leaf = Ept.MakeLeaf(new Pfn(0x200), new PagingLevel(level), access, hostWritable, dirty);
        Assert.Equal(expected, leaf.Value);
        Assert.True(Ept.IsPresent(leaf) && Ept.IsLeaf(leaf, new PagingLevel(level)) && !Ept.IsMmio(leaf));
        Assert.True(Ept.IsWellFormed(leaf, new PagingLevel(level)));
        Assert.Equal(0x200UL, Ept.FrameOf(leaf).Value);
        Assert.Equal(hostWritable, Ept.IsHostWritable(leaf));
        Assert.True(Ept.IsAccessed(leaf));
    }

    [Fact]
    public void Addresses_fill_bits_51_to_12()
    {
        var highest = new Pfn((1UL << 40) - 1);
        Assert.Equal(0x000f_ffff_ffff_f000UL, Ept.MakeTable(highest).Value & 0x000f_ffff_ffff_f000UL);
        Assert.Equal(highest, Ept.FrameOf(Ept.MakeTable(highest)));
    }

    [Fact]
    public void History_and_protection_change_single_bits()
    {
        var leaf = Ept.MakeLeaf(new Pfn(1), PagingLevel.Page4KiB, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, dirty: false);
        Assert.Equal(1UL << 9, Ept.WithAccessRecorded(leaf, write: true).Value ^ leaf.Value);
        Assert.Equal(leaf, Ept.WithAccessRecorded(leaf, write: false));
        Assert.Equal(1UL << 1, Ept.WithoutWrite(leaf, keepMmuWritable: true).Value ^ leaf.Value);
        Assert.Equal((1UL << 1) | (1UL << 58), Ept.WithoutWrite(leaf, keepMmuWritable: false).Value ^ leaf.Value);
        var granted = Ept.WithWriteGranted(Ept.WithoutWrite(leaf, keepMmuWritable: true));
        Assert.Equal(leaf.Value | (1UL << 9), granted.Value);
        Assert.True(Ept.IsDirty(granted) && Ept.IsMmuWritable(granted));
    }

    [Fact]
    public void An_mmio_value_is_a_misconfiguration_and_keeps_frame_and_generation()
    {
        // Write and execute without read: 110b.
        var value = Ept.MakeMmio(new Gfn(0xfee00), 0x7_ffff);
        Assert.Equal(6UL, value.Value & 7);
        Assert.Equal(0x7ff0_0000_fee0_07feUL, value.Value);
        Assert.Equal(0x7_ffffUL, Ept.MmioGenerationOf(value));
        Assert.Equal(0xfee00UL, Ept.MmioFrameOf(value).Value);
        Assert.True(Ept.IsMmio(value) && !Ept.IsPresent(value) && Ept.IsWellFormed(value, PagingLevel.Page4KiB));
    }
}
