namespace TdpMmu.Verification.Simulation;

/// <summary>What handles the faults of a simulated guest.</summary>
public enum SimulatedMmu
{
    /// <summary>The direct MMU, with one of the lock policies.</summary>
    Direct,

    /// <summary>The legacy MMU.</summary>
    Legacy,

    /// <summary>No MMU at all: the same host work on as many threads.</summary>
    None,
}
