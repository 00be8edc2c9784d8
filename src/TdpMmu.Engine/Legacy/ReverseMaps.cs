using System.Runtime.CompilerServices;
using TdpMmu.Formats;

namespace TdpMmu.Legacy;

/// <summary>The reverse maps of all slots, in ascending order. Read and changed only under the MMU's lock, but for the size.</summary>
internal sealed class ReverseMaps<TFormat> : IDisposable
    where TFormat : struct, IPagingFormat
{
    private SlotReverseMap<TFormat>[] _maps = [];
    private int _lastHit;

    /// <summary>Bytes of all maps.</summary>
    internal long Bytes => _maps.Sum(static map => map.Bytes);

    /// <summary>The maps, for checks of an idle machine.</summary>
    internal IReadOnlyList<SlotReverseMap<TFormat>> All => _maps;

    /// <summary>The map of the slot that has a frame.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal SlotReverseMap<TFormat> Of(Gfn frame)
    {
        // An index and no reference is kept: storing a reference would tell the collector about it.
        var maps = _maps;
        var hit = _lastHit;
        return (uint)hit < (uint)maps.Length && maps[hit].Range.Contains(frame) ? maps[hit] : Search(frame);
    }

    /// <summary>The map of the first slot that ends behind a frame, or null.</summary>
    internal SlotReverseMap<TFormat>? FirstFrom(Gfn frame)
    {
        var index = IndexOfFirstFrom(frame);
        return index < _maps.Length ? _maps[index] : null;
    }

    /// <summary>Adds the map of a slot that overlaps no other.</summary>
    internal void Add(SlotReverseMap<TFormat> map)
    {
        // A new array, because the size may be asked for without the lock.
        var index = IndexOfFirstFrom(map.Range.Start);
        _maps = [.. _maps.AsSpan(0, index), map, .. _maps.AsSpan(index)];
    }

    /// <summary>Takes the map of a slot out.</summary>
    internal SlotReverseMap<TFormat> Remove(GfnRange range)
    {
        var index = IndexOfFirstFrom(range.Start);
        var map = _maps[index];
        _maps = [.. _maps.AsSpan(0, index), .. _maps.AsSpan(index + 1)];
        return map;
    }

    public void Dispose()
    {
        foreach (var map in _maps)
        {
            map.Dispose();
        }

        _maps = [];
    }

    private SlotReverseMap<TFormat> Search(Gfn frame)
    {
        _lastHit = IndexOfFirstFrom(frame);
        EngineChecks.Require(_lastHit < _maps.Length && _maps[_lastHit].Range.Contains(frame), "every frame that is mapped has a reverse map");
        return _maps[_lastHit];
    }

    private int IndexOfFirstFrom(Gfn frame)
    {
        var low = 0;
        var high = _maps.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_maps[middle].Range.End <= frame)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }
}
