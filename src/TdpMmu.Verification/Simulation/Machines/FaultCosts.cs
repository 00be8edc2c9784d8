namespace TdpMmu.Verification.Simulation;

/// <summary>Work of a page fault that the engine's own operations do not stand for, in nanoseconds: a kernel does more under its lock than this engine.</summary>
public sealed record FaultCosts
{
    /// <summary>Inside the section of a fault that maps, under the lock where there is one.</summary>
    public required double Section { get; init; }

    /// <summary>The same where the legacy MMU maps.</summary>
    public required double LegacySection { get; init; }

    /// <summary>The same for a mapping of 2 MiB, whichever MMU makes it.</summary>
    public required double Section2M { get; init; }
}
