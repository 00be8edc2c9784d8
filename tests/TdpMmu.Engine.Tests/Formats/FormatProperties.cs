using FsCheck;
using FsCheck.Fluent;
using TdpMmu.Formats;

namespace TdpMmu.Engine.Tests.Formats;

/// <summary>What must hold of every format whatever the values.</summary>
public sealed class FormatProperties
{
    [Fact]
    public void Ept_with_four_levels() => CheckAll<Ept<FourLevel>>();

    [Fact]
    public void Ept_with_five_levels() => CheckAll<Ept<FiveLevel>>();

    [Fact]
    public void Npt_with_four_levels() => CheckAll<Npt<FourLevel>>();

    [Fact]
    public void Npt_with_five_levels() => CheckAll<Npt<FiveLevel>>();

    private static void CheckAll<TFormat>()
        where TFormat : struct, IPagingFormat
    {
        SpecialValues<TFormat>();
        Check.QuickThrowOnFailure(Prop.ForAll<ulong, int, int>((bits, level, choice) =>
            LeafRoundTrip<TFormat>(bits, new PagingLevel(1 + (Math.Abs(level % 3))), choice)));
        Check.QuickThrowOnFailure(Prop.ForAll<ulong, ulong>(MmioRoundTrip<TFormat>));
        Check.QuickThrowOnFailure(Prop.ForAll<ulong, int>((bits, level) => KindsAreApart<TFormat>(bits, new PagingLevel(1 + Math.Abs(level % 4)))));
        Check.QuickThrowOnFailure(Prop.ForAll<ulong, int, int>((bits, level, index) =>
            SplitKeepsEverything<TFormat>(bits, new PagingLevel(2 + Math.Abs(level % 2)), Math.Abs(index % 512))));
    }

    private static void SpecialValues<TFormat>()
        where TFormat : struct, IPagingFormat
    {
        Assert.Equal(0UL, TFormat.NonPresent.Value);
        Assert.Equal(0x5a0UL, TFormat.Frozen.Value);
        for (var level = 1; level <= TFormat.Levels; level++)
        {
            foreach (var value in new[] { TFormat.NonPresent, TFormat.Frozen, TFormat.MakeMmio(new Gfn(1), 1), TFormat.MakeMmio(default, 0) })
            {
                // B9: the frozen value has the bit that means "large", which nobody may look at.
                Assert.False(TFormat.IsPresent(value));
                Assert.True(TFormat.IsWellFormed(value, new PagingLevel(level)));
            }
        }

        Assert.False(TFormat.IsMmio(TFormat.NonPresent));
        Assert.False(TFormat.IsMmio(TFormat.Frozen));
        Assert.True(TFormat.IsMmio(TFormat.MakeMmio(default, 0)));
        Assert.Equal(9, TFormat.IndexBits);
        Assert.Equal(PagingLevel.Page1GiB, TFormat.HighestLeafLevel);
    }

    private static bool LeafRoundTrip<TFormat>(ulong bits, PagingLevel level, int choice)
        where TFormat : struct, IPagingFormat
    {
        var frame = FrameFrom(bits, level);
        var access = GuestAccess.Read | (GuestAccess)(choice & 6);
        var hostWritable = (choice & 8) != 0;
        var leaf = TFormat.MakeLeaf(frame, level, access, hostWritable, dirty: (choice & 16) != 0);
        var writable = hostWritable && (access & GuestAccess.Write) != 0;
        return TFormat.IsPresent(leaf) && TFormat.IsLeaf(leaf, level) && !TFormat.IsMmio(leaf) && leaf != TFormat.Frozen
            && TFormat.IsWellFormed(leaf, level) && TFormat.FrameOf(leaf) == frame
            && TFormat.AccessOf(leaf) == (access & ~(writable ? GuestAccess.None : GuestAccess.Write))
            && TFormat.IsMmuWritable(leaf) == writable && TFormat.IsHostWritable(leaf) == hostWritable
            && TFormat.IsDirty(leaf) == (writable && (choice & 16) != 0)
            && (level == PagingLevel.Page4KiB || !TFormat.IsWellFormed(leaf, new PagingLevel(4)));
    }

    private static bool MmioRoundTrip<TFormat>(ulong frameBits, ulong generation)
        where TFormat : struct, IPagingFormat
    {
        var frame = new Gfn(frameBits & ((1UL << 39) - 1));
        var value = TFormat.MakeMmio(frame, generation);
        return TFormat.IsMmio(value) && !TFormat.IsPresent(value) && value != TFormat.Frozen && TFormat.IsWellFormed(value, PagingLevel.Page4KiB)
            && TFormat.MmioFrameOf(value) == frame && TFormat.MmioGenerationOf(value) == (generation & 0x7_ffff);
    }

    // A value is one thing at most, and what is well-formed survives being taken apart and put together again.
    private static bool KindsAreApart<TFormat>(ulong bits, PagingLevel level)
        where TFormat : struct, IPagingFormat
    {
        var entry = new Spte(bits);
        if (TFormat.IsPresent(entry) && (TFormat.IsMmio(entry) || entry == TFormat.Frozen))
        {
            return false;
        }

        if (!TFormat.IsWellFormed(entry, level) || !TFormat.IsPresent(entry))
        {
            return true;
        }

        return !TFormat.IsLeaf(entry, level)
            || (level <= TFormat.HighestLeafLevel
                && ((TFormat.AccessOf(entry) & GuestAccess.Write) == 0 || (TFormat.IsMmuWritable(entry) && TFormat.IsHostWritable(entry))));
    }

    private static bool SplitKeepsEverything<TFormat>(ulong bits, PagingLevel level, int index)
        where TFormat : struct, IPagingFormat
    {
        var frame = FrameFrom(bits, level);
        var leaf = TFormat.MakeLeaf(frame, level, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, hostWritable: true, dirty: (bits & 1) != 0);
        leaf = (bits & 2) != 0 ? TFormat.WithoutWrite(leaf, keepMmuWritable: (bits & 4) != 0) : leaf;
        var child = TFormat.MakeSplitChild(leaf, level, index);
        return TFormat.IsPresent(child) && TFormat.IsLeaf(child, level.Down) && TFormat.IsWellFormed(child, level.Down)
            && TFormat.FrameOf(child) == frame.Plus((ulong)index << (9 * (level.Value - 2)))
            && TFormat.AccessOf(child) == TFormat.AccessOf(leaf) && TFormat.IsDirty(child) == TFormat.IsDirty(leaf)
            && TFormat.IsAccessed(child) == TFormat.IsAccessed(leaf) && TFormat.IsMmuWritable(child) == TFormat.IsMmuWritable(leaf)
            && TFormat.IsHostWritable(child) == TFormat.IsHostWritable(leaf);
    }

    private static Pfn FrameFrom(ulong bits, PagingLevel level) =>
        new((bits * 0x9e37_79b9_7f4a_7c15) >> 28 & ~((1UL << (9 * (level.Value - 1))) - 1));
}
