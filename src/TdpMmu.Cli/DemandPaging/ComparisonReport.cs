namespace TdpMmu.Cli.DemandPaging;

/// <summary>How much faster one MMU was than another, from pairs of neighbouring runs.</summary>
internal sealed record ComparisonReport
{
    public required string Mmu { get; init; }

    public required string Against { get; init; }

    public string Metric { get; init; } = "pages_per_second";

    public required int Pairs { get; init; }

    public required double MedianRatio { get; init; }

    public required double MinRatio { get; init; }

    public required double MaxRatio { get; init; }
}
