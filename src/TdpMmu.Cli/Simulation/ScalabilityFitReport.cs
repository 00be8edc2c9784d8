namespace TdpMmu.Cli.Simulation;

/// <summary>The universal scalability law fitted to the curve of one variant.</summary>
internal sealed record ScalabilityFitReport
{
    public required string Mmu { get; init; }

    public required string? Lock { get; init; }

    public required double Lambda { get; init; }

    public required double Sigma { get; init; }

    public required double Kappa { get; init; }

    public required double? PeakVcpus { get; init; }
}
