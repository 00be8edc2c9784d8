using System.Numerics;

namespace TdpMmu.Interleaving;

/// <summary>A small deterministic generator (SplitMix64, Steele et al. 2014): the same numbers for a seed on every machine and runtime.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>What the next numbers depend on.</summary>
    internal ulong State
    {
        get => _state;
        set => _state = value;
    }

    /// <summary>A number from 0 to below <paramref name="limit"/>.</summary>
    internal int Below(int limit)
    {
        var value = _state += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return (int)(((value ^ (value >> 31)) >> 33) % (ulong)limit);
    }

    /// <summary>One of some actors, which are bits, at least one.</summary>
    internal int OneOf(uint actors)
    {
        for (var skip = Below(BitOperations.PopCount(actors)); skip > 0; skip--)
        {
            actors &= actors - 1;
        }

        return BitOperations.TrailingZeroCount(actors);
    }
}
