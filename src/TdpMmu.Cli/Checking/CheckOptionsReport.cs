namespace TdpMmu.Cli.Checking;

/// <summary>The options of an invocation, defaults included.</summary>
internal sealed record CheckOptionsReport
{
    public required IReadOnlyList<string> Scenarios { get; init; }

    public required string Strategy { get; init; }

    public required IReadOnlyList<string> Memory { get; init; }

    public required IReadOnlyList<string> Lock { get; init; }

    public required int Preemptions { get; init; }

    public required ulong Seed { get; init; }

    public required double TimeSeconds { get; init; }

    public required int Jobs { get; init; }
}
