namespace TdpMmu.Interleaving.Tests;

/// <summary>The splitmix64 generator: the same numbers for the same seed on every platform and runtime.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    internal ulong Next()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        var mixed = (_state ^ (_state >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        return mixed ^ (mixed >> 31);
    }

    internal int Below(int limit) => (int)(Next() % (uint)limit);

    internal bool Percent(int chance) => Below(100) < chance;
}
