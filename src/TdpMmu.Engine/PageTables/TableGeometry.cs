using System.Runtime.CompilerServices;
using TdpMmu.Formats;

namespace TdpMmu.PageTables;

/// <summary>The arithmetic of a format's tables.</summary>
internal static class TableGeometry<TFormat>
    where TFormat : struct, IPagingFormat
{
    internal static int EntriesPerTable
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1 << TFormat.IndexBits;
    }

    internal static PagingLevel RootLevel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(TFormat.Levels);
    }

    /// <summary>Frames that the tables can address: the first frame that they cannot. Addresses have at most 52 bits.</summary>
    internal static Gfn FrameLimit => new(1UL << Math.Min(TFormat.Levels * TFormat.IndexBits, 52 - PageGeometry.PageShift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong FramesPerEntry(PagingLevel level) => 1UL << ((level.Value - 1) * TFormat.IndexBits);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int IndexOf(Gfn frame, PagingLevel level) =>
        (int)(frame.Value >> ((level.Value - 1) * TFormat.IndexBits)) & (EntriesPerTable - 1);
}
