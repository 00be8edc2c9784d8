using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>The JSON document of <c>demand-paging</c>.</summary>
internal sealed record DemandPagingReport() : ResultReport("demand-paging")
{
    public required DemandPagingOptionsReport Options { get; init; }

    /// <summary>Runs on throwaway virtual machines before the first measured one, over all MMUs.</summary>
    public required int WarmupRuns { get; init; }

    public required IReadOnlyList<DemandPagingRunReport> Runs { get; init; }

    public required IReadOnlyList<ComparisonReport> Comparisons { get; init; }
}
