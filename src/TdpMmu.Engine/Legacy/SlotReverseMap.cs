using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Formats;

namespace TdpMmu.Legacy;

/// <summary>
/// The reverse map of one slot: for each of its frames, and for each larger region that it overlaps, the list of the entries that
/// map it. Eight bytes per frame and per region.
/// </summary>
/// <remarks>The lists are read and changed only under the MMU's lock.</remarks>
internal sealed unsafe class SlotReverseMap<TFormat> : IDisposable
    where TFormat : struct, IPagingFormat
{
    private readonly NativeBlock _block;
    private readonly EntryList*[] _lists = new EntryList*[TFormat.HighestLeafLevel.Value + 1];

    internal SlotReverseMap(GfnRange range)
    {
        Range = range;
        var total = 0UL;
        for (var level = PagingLevel.Page4KiB; level <= TFormat.HighestLeafLevel; level = level.Up)
        {
            total += RegionCount(level);
        }

        _block = new NativeBlock((nuint)total * (nuint)sizeof(EntryList));
        var lists = (EntryList*)_block.Pointer;
        for (var level = PagingLevel.Page4KiB; level <= TFormat.HighestLeafLevel; level = level.Up)
        {
            _lists[level.Value] = lists;
            lists += RegionCount(level);
        }
    }

    /// <summary>The slot's frames.</summary>
    internal GfnRange Range { get; }

    /// <summary>Bytes of all lists' heads.</summary>
    internal long Bytes => (long)_block.Length;

    /// <summary>The entries of a level that map a frame.</summary>
    /// <param name="frame">A frame of the slot.</param>
    /// <param name="level">A level that may map memory.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal EntryList* At(Gfn frame, PagingLevel level)
    {
        EngineChecks.Require(Range.Contains(frame), "a reverse map is asked for frames of its slot");
        return _lists[level.Value] + (RegionOf(frame, level) - RegionOf(Range.Start, level));
    }

    public void Dispose() => _block.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong RegionOf(Gfn frame, PagingLevel level) => frame.Value >> ((level.Value - 1) * TFormat.IndexBits);

    private ulong RegionCount(PagingLevel level) => RegionOf(new Gfn(Range.End.Value - 1), level) - RegionOf(Range.Start, level) + 1;

    // SAFETY: the frame is one of the slot's, so its region's list lies inside the block, which lives until no entry maps the slot.
}
