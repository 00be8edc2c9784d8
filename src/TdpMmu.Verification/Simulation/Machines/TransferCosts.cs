namespace TdpMmu.Verification.Simulation;

/// <summary>What it takes to bring a cache line from another processor, in nanoseconds, by how far that is.</summary>
public sealed record TransferCosts
{
    /// <summary>From the other hardware thread of the core.</summary>
    public required double SameCore { get; init; }

    /// <summary>From a core that shares the last-level cache.</summary>
    public required double SameCluster { get; init; }

    /// <summary>From another core of the socket.</summary>
    public required double SameSocket { get; init; }

    /// <summary>From another socket.</summary>
    public required double CrossSocket { get; init; }
}
