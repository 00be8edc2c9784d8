namespace TdpMmu.Verification.Simulation;

/// <summary>What interrupts between processors cost, in nanoseconds: a process-wide fence interrupts every processor that runs a thread.</summary>
public sealed record InterruptCosts
{
    /// <summary>What one takes whatever the number of processors.</summary>
    public required double Base { get; init; }

    /// <summary>What each interrupted processor adds for the sender.</summary>
    public required double PerCpu { get; init; }

    /// <summary>What each interrupted processor loses.</summary>
    public required double Handler { get; init; }
}
