namespace TdpMmu.Verification.Simulation;

/// <summary>A published throughput over vCPUs, and how it is simulated.</summary>
internal sealed record PublishedCurve
{
    internal required string Experiment { get; init; }

    internal required SimulationOptions Options { get; init; }

    /// <summary>vCPUs and pages of 4 KiB per second.</summary>
    internal required IReadOnlyList<(int Vcpus, double Pages)> Points { get; init; }

    /// <summary>How near the last point must come, as a ratio.</summary>
    internal double PlateauTolerance { get; init; } = 0.3;

    /// <summary>Whether where the curve bends, or has its peak, is compared.</summary>
    internal bool HasKnee { get; init; } = true;

    /// <summary>How a point is simulated.</summary>
    internal Func<SimulationOptions, CancellationToken, SimulationResult> Simulate { get; init; } = Simulator.DemandPaging;
}
