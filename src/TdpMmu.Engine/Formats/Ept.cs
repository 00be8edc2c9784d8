using System.Runtime.CompilerServices;

namespace TdpMmu.Formats;

/// <summary>Extended page tables: Intel SDM volume 3C, section 30.3 (tables 30-1 to 30-7).</summary>
/// <remarks>
/// <code>
/// bit   0  Read            1  Write          2  Execute
/// bits  5:3 memory type of a leaf (6, write-back)       6  ignore guest PAT (leaf)
/// bit   7  maps memory (levels 2 and 3)      8  Accessed       9  Dirty (leaf)
/// bit  10  user execute (unused: mode-based execute control is off)
/// bit  11  software: present for the MMU
/// bits 51:12 physical address
/// bits 53:52 software: kind of Accessed/Dirty tracking (0: hardware sets both bits)
/// bit  57  software: host-writable          58  software: MMU-writable
/// bit  63  suppress #VE (ignored: EPT-violation #VE is off)
/// </code>
/// An MMIO value has Write and Execute without Read, which processors report as an EPT misconfiguration.
/// </remarks>
/// <typeparam name="TGeometry">Levels and index bits.</typeparam>
internal readonly struct Ept<TGeometry> : IPagingFormat
    where TGeometry : struct, IPagingGeometry
{
    internal const ulong Read = 1UL << 0;
    internal const ulong Write = 1UL << 1;
    internal const ulong Execute = 1UL << 2;
    internal const ulong WriteBack = 6UL << 3;
    internal const ulong IgnorePat = 1UL << 6;
    internal const ulong Accessed = 1UL << 8;
    internal const ulong Dirty = 1UL << 9;
    internal const ulong UserExecute = 1UL << 10;
    internal const ulong TrackingMask = 3UL << 52;
    internal const ulong HostWritable = 1UL << 57;
    internal const ulong MmuWritable = 1UL << 58;
    internal const ulong SuppressVe = 1UL << 63;
    private const ulong Rights = Read | Write | Execute;
    private const ulong MmioRights = Write | Execute;

    public static string Name => TGeometry.Levels == 5 ? "ept5" : "ept";

    public static int Levels => TGeometry.Levels;

    public static int IndexBits => TGeometry.IndexBits;

    public static PagingLevel HighestLeafLevel => new(Math.Min(3, TGeometry.Levels));

    public static Spte NonPresent => default;

    public static Spte Frozen => new(SharedSpteBits.Frozen);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsPresent(Spte entry) => (entry.Value & SharedSpteBits.MmuPresent) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsLeaf(Spte entry, PagingLevel level) => level.Value == 1 || (entry.Value & SharedSpteBits.Large) != 0;

    public static bool IsMmio(Spte entry) => (entry.Value & (Rights | SharedSpteBits.MmuPresent)) == MmioRights;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Pfn FrameOf(Spte entry) => new((entry.Value & SharedSpteBits.FrameMask) >> PageGeometry.PageShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte MakeTable(Pfn table) =>
        new(Rights | Accessed | SharedSpteBits.MmuPresent | (table.Value << PageGeometry.PageShift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Spte MakeLeaf(Pfn frame, PagingLevel level, GuestAccess access, bool hostWritable, bool dirty)
    {
        var value = WriteBack | IgnorePat | Accessed | SharedSpteBits.MmuPresent | (frame.Value << PageGeometry.PageShift);
        value |= level.Value > 1 ? SharedSpteBits.Large : 0;
        value |= (access & GuestAccess.Read) != 0 ? Read : 0;
        value |= (access & GuestAccess.Execute) != 0 ? Execute : 0;
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
    public static GuestAccess AccessOf(Spte leaf) => (GuestAccess)(leaf.Value & Rights);

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
        new(MmioRights | SharedSpteBits.PackMmioGeneration(generation) | ((frame.Value << PageGeometry.PageShift) & SharedSpteBits.FrameMask));

    public static ulong MmioGenerationOf(Spte entry) => SharedSpteBits.UnpackMmioGeneration(entry.Value);

    public static Gfn MmioFrameOf(Spte entry) => new((entry.Value & SharedSpteBits.FrameMask) >> PageGeometry.PageShift);

    public static bool IsWellFormed(Spte entry, PagingLevel level)
    {
        var value = entry.Value;
        if (!IsPresent(entry))
        {
            return value == 0 || value == SharedSpteBits.Frozen || IsMmio(entry);
        }

        if (!IsLeaf(entry, level))
        {
            // Bits 6:3 and 7 of an entry that points to a table are reserved.
            return level.Value > 1 && (value & ~(SharedSpteBits.FrameMask | Rights | Accessed | SharedSpteBits.MmuPresent)) == 0;
        }

        var writable = (value & Write) != 0;
        var mmuWritable = (value & MmuWritable) != 0;
        var hostWritable = (value & HostWritable) != 0;
        return level <= HighestLeafLevel
            && (!writable || mmuWritable) && (!mmuWritable || hostWritable)
            && (value & Read) != 0 && (value & TrackingMask) == 0 && (value & (WriteBack | UserExecute)) == WriteBack
            && SharedSpteBits.IsFrameAligned(value, level.Value, IndexBits);
    }
}
