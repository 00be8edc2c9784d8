using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Formats;

namespace TdpMmu.PageTables;

/// <summary>A table of entries: 4 KiB of native memory and nothing else. Whoever walks knows its level and frame.</summary>
/// <param name="Address">The table's address, 4 KiB aligned.</param>
internal readonly unsafe record struct PageTable(nint Address)
{
    /// <summary>The frame that an entry pointing to the table has.</summary>
    internal Pfn Frame => new((ulong)Address >> PageGeometry.PageShift);

    /// <summary>All of its bytes.</summary>
    internal AtomicBytes Memory => new(Address);

    internal bool IsNull => Address == 0;

    /// <summary>The table that a present entry points to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static PageTable Of<TFormat>(Spte entry)
        where TFormat : struct, IPagingFormat => new((nint)TFormat.FrameOf(entry).Address.Value);

    // SAFETY: the index is below the number of entries of a table, and the table is protected by the walker's section or
    // window, or owned by the caller.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal AtomicWord Entry(int index) => new((ulong*)Address + index);
}
