namespace TdpMmu.Verification.Simulation;

/// <summary>What a simulation counted in its measured part, from the moment at which all vCPUs were warm. Immutable.</summary>
public sealed record SimulationResult
{
    /// <summary>Virtual time of the vCPU that took longest, in seconds: that vCPUs start a little apart is not part of it.</summary>
    public required double VirtualSeconds { get; init; }

    /// <summary>Pages that were touched for the first time, or touches where pages are touched again; over all vCPUs.</summary>
    public required long Pages { get; init; }

    /// <summary>Virtual time that all memory would take at this rate, in seconds; NaN where the workload has no end.</summary>
    public required double TotalSeconds { get; init; }

    /// <summary>Faults that the MMU handled.</summary>
    public required long Faults { get; init; }

    /// <summary>Faults that were sent back to the guest to try again.</summary>
    public required long Retries { get; init; }

    /// <summary>Share of the vCPUs' time spent waiting for the MMU's lock.</summary>
    public required double LockWaitFraction { get; init; }

    /// <summary>Share of the vCPUs' time spent in the host, waiting for its lock included.</summary>
    public required double HostFraction { get; init; }

    /// <summary>Share of the vCPUs' time spent waiting for cache lines, the host's included.</summary>
    public required double TransferFraction { get; init; }

    /// <summary>Lines brought from another processor, the host's lock included.</summary>
    public required long Transfers { get; init; }

    /// <summary>TLB flushes.</summary>
    public required long TlbShootdowns { get; init; }

    /// <summary>Process-wide fences.</summary>
    public required long Fences { get; init; }

    /// <summary>The longest time that one guest access took, in nanoseconds.</summary>
    public required double LongestStall { get; init; }

    /// <summary>The mean time of an invalidation in nanoseconds; 0 where there was none.</summary>
    public required double MeanInvalidation { get; init; }

    /// <summary>The longest invalidation in nanoseconds.</summary>
    public required double LongestInvalidation { get; init; }

    /// <summary>The time that the simulation itself took, in seconds.</summary>
    public required double RealSeconds { get; init; }

    /// <summary>The lines that cost most, if they were asked for.</summary>
    public required IReadOnlyList<CostlyLine> CostlyLines { get; init; }

    /// <summary>Pages by virtual time.</summary>
    public double PagesPerSecond => Pages / VirtualSeconds;

    /// <summary>Lines brought from another processor by faults; per page where there is no MMU.</summary>
    public double TransfersPerFault => (double)Transfers / Math.Max(1, Faults == 0 ? Pages : Faults);
}
