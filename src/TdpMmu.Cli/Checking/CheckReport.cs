using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Output;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Checking;

/// <summary>The JSON document of <c>check</c>.</summary>
internal sealed record CheckReport() : ResultReport("check")
{
    public required CheckOptionsReport Options { get; init; }

    public required int NotBegun { get; init; }

    public required IReadOnlyList<CheckRunReport> Runs { get; init; }

    public static CheckReport Of(CheckOptions options, IReadOnlyList<CheckResult> results, int notBegun, FindingFiles files) => new()
    {
        Options = new CheckOptionsReport
        {
            Scenarios = options.Scenarios,
            Strategy = CheckNames.Strategy.NameOf(options.Strategy),
            Memory = [.. options.Memory.Select(CheckNames.Memory.NameOf)],
            Lock = [.. options.Locks.Select(ChoiceNames.Lock.NameOf)],
            Preemptions = options.Preemptions,
            Seed = options.Seed,
            TimeSeconds = options.Time.TotalSeconds,
            Jobs = options.Jobs,
        },
        NotBegun = notBegun,
        Runs = [.. results.Select(result => CheckRunReport.Of(result, options, files))],
    };
}
