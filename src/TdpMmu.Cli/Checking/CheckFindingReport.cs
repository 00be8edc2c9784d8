namespace TdpMmu.Cli.Checking;

/// <summary>What went wrong, and how.</summary>
internal sealed record CheckFindingReport
{
    public required string Message { get; init; }

    public required double AfterSeconds { get; init; }

    public required int Preemptions { get; init; }

    public required string? ReplayFile { get; init; }

    public required IReadOnlyList<string> Trace { get; init; }
}
