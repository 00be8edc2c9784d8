namespace TdpMmu.Cli.Output;

/// <summary>A distribution in its percentiles. All values are null when nothing was counted.</summary>
internal sealed record HistogramReport
{
    public string Unit { get; init; } = "ns";

    public required ulong Count { get; init; }

    public required ulong? Min { get; init; }

    public required ulong? P50 { get; init; }

    public required ulong? P90 { get; init; }

    public required ulong? P99 { get; init; }

    public required ulong? P999 { get; init; }

    public required ulong? Max { get; init; }
}
