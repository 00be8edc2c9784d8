namespace TdpMmu.Verification.Simulation;

/// <summary>
/// What it takes to bring a cache line from another processor, in nanoseconds, by how far that is: from one compare-and-swap to the next on another
/// processor, which is what is measured and published. The operation's own part is charged once.
/// </summary>
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

    /// <summary>
    /// By how much a transfer takes more or less than that, as a fraction: all of the range is equally likely. Without it processors fall
    /// into step with each other, as real ones do not.
    /// </summary>
    public required double Variation { get; init; }
}
