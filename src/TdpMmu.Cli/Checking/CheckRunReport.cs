using TdpMmu.Cli.DemandPaging;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Checking;

/// <summary>One exploration.</summary>
internal sealed record CheckRunReport
{
    public required string Scenario { get; init; }

    public required string Variant { get; init; }

    public required string? Lock { get; init; }

    public required string Memory { get; init; }

    public required string Strategy { get; init; }

    public required long Executions { get; init; }

    public required long Pruned { get; init; }

    public required long States { get; init; }

    public required bool Exhausted { get; init; }

    public required string? Bound { get; init; }

    public required long Operations { get; init; }

    public required long Steps { get; init; }

    public required int LongestExecutionSteps { get; init; }

    public required double WallSeconds { get; init; }

    public required IReadOnlyList<CheckFindingReport> Findings { get; init; }

    public static CheckRunReport Of(CheckResult result, CheckOptions options, FindingFiles files) => new()
    {
        Scenario = result.Scenario,
        Variant = result.Variant,
        Lock = result.Lock is { } policy ? ChoiceNames.Lock.NameOf(policy) : null,
        Memory = CheckNames.Memory.NameOf(result.Memory),
        Strategy = CheckNames.Strategy.NameOf(options.Strategy),
        Executions = result.Report.Executions,
        Pruned = result.Report.Pruned,
        States = result.Report.States,
        Exhausted = result.Report.IsExhausted,
        Bound = result.Report.Bound,
        Operations = result.Report.Operations,
        Steps = result.Report.Steps,
        LongestExecutionSteps = result.Report.LongestExecution,
        WallSeconds = result.Report.Elapsed.TotalSeconds,
        Findings = result.Report.Finding is not { } finding
            ? []
            :
            [
                new CheckFindingReport
                {
                    Message = finding.Message,
                    AfterSeconds = finding.After.TotalSeconds,
                    Preemptions = finding.Preemptions,
                    ReplayFile = files.PathOf(result),
                    Trace = [.. finding.FormatTrace().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.TrimEnd())],
                },
            ],
    };
}
