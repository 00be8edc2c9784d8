using System.Runtime.CompilerServices;

namespace TdpMmu.Formats;

/// <summary>Nested page tables: AMD64 Architecture Programmer's Manual volume 2, sections 15.25 (nested paging) and 5.3 (long mode).</summary>
/// <remarks>
/// <code>
/// bit   0  Present         1  Write          2  User (nested walks are user accesses)
/// bit   3  PWT             4  PCD            5  Accessed       6  Dirty (leaf)
/// bit   7  maps memory (levels 2 and 3); PAT at level 1 (0 here: write-back)
/// bit   8  Global (ignored)
/// bit   9  software: host-writable          10  software: MMU-writable
/// bit  11  software: present for the MMU
/// bits 51:12 physical address
/// bit  63  no execute
/// </code>
/// An MMIO value is present for the processor with bit 51 of the address set, which lies beyond the physical address width
/// of the machines that this layout is for and is reported as a reserved-bit fault.
/// </remarks>
/// <typeparam name="TGeometry">Levels and index bits.</typeparam>
internal readonly struct Npt<TGeometry> : IPagingFormat
    where TGeometry : struct, IPagingGeometry
{
    internal const ulong Present = 1UL << 0;
    internal const ulong Write = 1UL << 1;
    internal const ulong User = 1UL << 2;
    internal const ulong CacheMask = 3UL << 3;
    internal const ulong Accessed = 1UL << 5;
    internal const ulong Dirty = 1UL << 6;
    internal const ulong Global = 1UL << 8;
    internal const ulong HostWritable = 1UL << 9;
    internal const ulong MmuWritable = 1UL << 10;
    internal const ulong NoExecute = 1UL << 63;
    private const ulong MmioMarker = 1UL << 51;
    private const ulong MmioFrameMask = SharedSpteBits.FrameMask & ~MmioMarker;

    public static string Name => TGeometry.Levels == 5 ? "npt5" : "npt";

    public static int Levels => TGeometry.Levels;

    public static int IndexBits => TGeometry.IndexBits;

    public static PagingLevel HighestLeafLevel => new(Math.Min(3, TGeometry.Levels));

    public static Spte NonPresent => default;

    public static Spte Frozen => new(SharedSpteBits.Frozen);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPresent(Spte entry) => (entry.Value & SharedSpteBits.MmuPresent) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsLeaf(Spte entry, PagingLevel level) => level.Value == 1 || (entry.Value & SharedSpteBits.Large) != 0;

    public static bool IsMmio(Spte entry) =>
        (entry.Value & (Present | SharedSpteBits.MmuPresent | MmioMarker)) == (Present | MmioMarker);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pfn FrameOf(Spte entry) => new((entry.Value & SharedSpteBits.FrameMask) >> PageGeometry.PageShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte MakeTable(Pfn table) =>
        new(Present | Write | User | Accessed | SharedSpteBits.MmuPresent | (table.Value << PageGeometry.PageShift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte MakeLeaf(Pfn frame, PagingLevel level, GuestAccess access, bool hostWritable, bool dirty)
    {
        var value = Present | User | Accessed | SharedSpteBits.MmuPresent | (frame.Value << PageGeometry.PageShift);
        value |= level.Value > 1 ? SharedSpteBits.Large : 0;
        value |= (access & GuestAccess.Execute) == 0 ? NoExecute : 0;
        value |= hostWritable ? HostWritable : 0;
        if (hostWritable && (access & GuestAccess.Write) != 0)
        {
            value |= Write | MmuWritable | (dirty ? Dirty : 0);
        }

        return new Spte(value);
    }

    public static Spte MakeSplitChild(Spte leaf, PagingLevel level, int index)
    {
        var value = SharedSpteBits.ChildFrame(leaf.Value, level.Value - 1, IndexBits, index);
        return new Spte(level.Value == 2 ? value & ~SharedSpteBits.Large : value);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GuestAccess AccessOf(Spte leaf) =>
        GuestAccess.Read
        | ((leaf.Value & Write) != 0 ? GuestAccess.Write : GuestAccess.None)
        | ((leaf.Value & NoExecute) == 0 ? GuestAccess.Execute : GuestAccess.None);

    public static bool IsAccessed(Spte leaf) => (leaf.Value & Accessed) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsDirty(Spte leaf) => (leaf.Value & Dirty) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte WithAccessRecorded(Spte leaf, bool write) => new(leaf.Value | Accessed | (write ? Dirty : 0));

    public static Spte WithoutDirty(Spte leaf) => new(leaf.Value & ~Dirty);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsMmuWritable(Spte leaf) => (leaf.Value & MmuWritable) != 0;

    public static bool IsHostWritable(Spte leaf) => (leaf.Value & HostWritable) != 0;

    public static Spte WithWriteGranted(Spte leaf) => new(leaf.Value | Write | Accessed | Dirty);

    public static Spte WithoutWrite(Spte leaf, bool keepMmuWritable) =>
        new(leaf.Value & ~(keepMmuWritable ? Write : Write | MmuWritable));

    public static Spte MakeMmio(Gfn frame, ulong generation) =>
        new(Present | MmioMarker | SharedSpteBits.PackMmioGeneration(generation) | ((frame.Value << PageGeometry.PageShift) & MmioFrameMask));

    public static ulong MmioGenerationOf(Spte entry) => SharedSpteBits.UnpackMmioGeneration(entry.Value);

    public static Gfn MmioFrameOf(Spte entry) => new((entry.Value & MmioFrameMask) >> PageGeometry.PageShift);

    public static bool IsWellFormed(Spte entry, PagingLevel level)
    {
        var value = entry.Value;
        if (!IsPresent(entry))
        {
            return value == 0 || value == SharedSpteBits.Frozen || IsMmio(entry);
        }

        if ((value & (Present | User)) != (Present | User) || (value & CacheMask) != 0)
        {
            return false;
        }

        if (!IsLeaf(entry, level))
        {
            return level.Value > 1
                && (value & ~(SharedSpteBits.FrameMask | Present | Write | User | Accessed | SharedSpteBits.MmuPresent)) == 0;
        }

        var writable = (value & Write) != 0;
        var mmuWritable = (value & MmuWritable) != 0;
        var hostWritable = (value & HostWritable) != 0;
        return level <= HighestLeafLevel
            && (!writable || mmuWritable) && (!mmuWritable || hostWritable)
            && (value & Global) == 0 && SharedSpteBits.IsFrameAligned(value, level.Value, IndexBits)
            && (level.Value > 1 || (value & SharedSpteBits.Large) == 0);
    }
}
