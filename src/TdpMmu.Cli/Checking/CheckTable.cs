using System.Globalization;
using Spectre.Console;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Output;
using TdpMmu.Interleaving;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Checking;

/// <summary>Prints what a check has seen: each exploration where they are few, sums where they are many.</summary>
internal static class CheckTable
{
    private const int Few = 40;

    public static void PrintList(CommandConsole console, IReadOnlyList<string> patterns)
    {
        foreach ((string name, string summary, int variants) in CheckPlan.List(patterns))
        {
            console.PrintLine(string.Create(CultureInfo.InvariantCulture, $"{name}  ({variants} {(variants == 1 ? "start" : "starts")})  {summary}"));
        }
    }

    public static void Print(CommandConsole console, IReadOnlyList<CheckResult> results, int notBegun, FindingFiles files)
    {
        if (results.Count <= Few)
        {
            PrintEach(console, results);
        }

        PrintSums(console, results);
        if (notBegun != 0)
        {
            console.PrintLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Quantity.Count(notBegun)} of {Quantity.Count(results.Count + notBegun)} explorations were not begun: there was no time left for them."));
        }

        foreach (CheckResult result in results)
        {
            if (result.Report.Finding is { } finding)
            {
                PrintFinding(console, result.Report.Program, result.Memory, finding);
                console.PrintLine(files.PathOf(result) is { } path
                    ? $"replay: tdpmmu check --replay {path}"
                    : $"no replay file could be written: {files.FailureOf(result)}");
            }
        }
    }

    public static void PrintFinding(CommandConsole console, string program, MemoryModel memory, Finding finding)
    {
        console.PrintLine(string.Create(CultureInfo.InvariantCulture, $"{program} under {CheckNames.Memory.NameOf(memory)}: {finding.Message}"));
        console.PrintLine(string.Create(CultureInfo.InvariantCulture, $"with {finding.Preemptions} {(finding.Preemptions == 1 ? "preemption" : "preemptions")}, in {finding.Steps.Count} steps:"));
        foreach (string line in finding.FormatTrace().Split('\n'))
        {
            console.PrintLine(line.TrimEnd());
        }
    }

    private static void PrintEach(CommandConsole console, IReadOnlyList<CheckResult> results)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("scenario", "from", "lock", "memory");
        table.AddColumn(new TableColumn("executions").RightAligned()).AddColumn(new TableColumn("pruned").RightAligned()).AddColumns("seen", "result");
        foreach (CheckResult result in results)
        {
            table.AddRow(
                new Text(result.Scenario),
                new Text(result.Variant),
                new Text(result.Lock is { } policy ? ChoiceNames.Lock.NameOf(policy) : Quantity.None),
                new Text(CheckNames.Memory.NameOf(result.Memory)),
                new Text(Quantity.Count(result.Report.Executions)),
                new Text(Quantity.Count(result.Report.Pruned)),
                new Text(result.Report.Bound ?? (result.Report.States != 0 ? "all states" : "all schedules")),
                new Text(result.Report.Finding is not null ? "FINDING" : result.Report.IsComplete ? "ok" : "cut"));
        }

        console.PrintTable(table);
    }

    private static void PrintSums(CommandConsole console, IReadOnlyList<CheckResult> results)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("lock", "memory");
        foreach (string column in (string[])["explorations", "all schedules", "bounded", "cut", "executions", "pruned", "steps", "steps/s", "operations/s", "findings"])
        {
            table.AddColumn(new TableColumn(column).RightAligned());
        }

        foreach (var group in results.GroupBy(static result => (result.Lock, result.Memory)))
        {
            CheckResult[] all = [.. group];
            double seconds = Math.Max(1e-9, all.Sum(static result => result.Report.Elapsed.TotalSeconds));
            table.AddRow(
                new Text(group.Key.Lock is { } policy ? ChoiceNames.Lock.NameOf(policy) : "by itself"),
                new Text(CheckNames.Memory.NameOf(group.Key.Memory)),
                new Text(Quantity.Count(all.Length)),
                new Text(Quantity.Count(all.Count(static result => result.Report.IsExhausted))),
                new Text(Quantity.Count(all.Count(static result => result.Report is { IsComplete: true, IsExhausted: false }))),
                new Text(Quantity.Count(all.Count(static result => result.Report is { IsComplete: false, Finding: null }))),
                new Text(Quantity.Count(all.Sum(static result => result.Report.Executions))),
                new Text(Quantity.Count(all.Sum(static result => result.Report.Pruned))),
                new Text(Quantity.Count(all.Sum(static result => result.Report.Steps))),
                new Text(Quantity.PerSecond(all.Sum(static result => result.Report.Steps) / seconds)),
                new Text(Quantity.PerSecond(all.Sum(static result => result.Report.Operations) / seconds)),
                new Text(Quantity.Count(all.Count(static result => result.Report.Finding is not null))));
        }

        console.PrintTable(table);
    }
}
