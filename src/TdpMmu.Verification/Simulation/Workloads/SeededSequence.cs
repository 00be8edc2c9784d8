namespace TdpMmu.Verification.Simulation;

/// <summary>Numbers that look random and are the same for the same seed, on every machine (SplitMix64).</summary>
internal sealed class SeededSequence(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A number from 0 to <paramref name="limit"/> - 1.</summary>
    internal ulong Below(ulong limit)
    {
        _state += 0x9e37_79b9_7f4a_7c15;
        var mixed = (_state ^ (_state >> 30)) * 0xbf58_476d_1ce4_e5b9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d0_49bb_1331_11eb;
        return (mixed ^ (mixed >> 31)) % limit;
    }
}
