using System.Globalization;
using Spectre.Console;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>Prints one table per round with a column per MMU, and what the comparison says.</summary>
internal static class DemandPagingTable
{
    private static readonly (string Name, Func<DemandPagingRunReport, string> Value)[] s_rows =
    [
        ("wall time", run => Quantity.Seconds(run.WallSeconds)),
        ("pages/s in total", run => Quantity.PerSecond(run.PagesPerSecond)),
        ("pages/s per vCPU", run => Quantity.PerSecond(run.PagesPerSecondPerVcpu)),
        ("faults", run => Quantity.Count(run.Faults)),
        ("retries", run => Quantity.Count(run.Retries)),
        ("vCPU time waiting for the MMU lock", run => Quantity.Percent(run.LockWaitFraction)),
        ("vCPU time waiting for the host page", run => Quantity.Percent(run.HostWaitFraction)),
        ("vCPU time in the MMU itself", run => Quantity.Percent(run.MmuFraction)),
        ("table bytes (share of guest memory)", run => Share(run.TableBytes, run.GuestBytes)),
        ("metadata bytes (share of guest memory)", run => Share(run.MetadataBytes, run.GuestBytes)),
        ("page state bytes (share of guest memory)", run => Share(run.PageStateBytes, run.GuestBytes)),
        ("managed bytes allocated", run => Quantity.Count(run.GcAllocatedBytes)),
        ("fault latency p50 / p99 / max", run => Latency(run.FaultLatency)),
        ("flush latency p50 / p99 / max", run => Latency(run.FlushLatency)),
        ("invalidation latency p50 / p99 / max", run => Latency(run.InvalidationLatency)),
        ("every page verified", run => run.Verified ? "yes" : "NO"),
    ];

    public static void Print(CommandConsole console, DemandPagingReport report)
    {
        DemandPagingOptionsReport options = report.Options;
        console.PrintLine(string.Create(CultureInfo.InvariantCulture,
            $"{options.Vcpus} vCPUs x {ByteSize.Exact(options.MemoryPerVcpuBytes)}, source {options.Source}, {options.Pattern}, {options.Access}, {options.Format}; {report.Machine.CpuModel ?? "unknown CPU"}, {report.Machine.Cores} cores; {report.WarmupRuns} warm-up runs"));
        foreach (IGrouping<int, DemandPagingRunReport> round in report.Runs.GroupBy(run => run.Repeat))
        {
            PrintRound(console, [.. round], options.Repeat);
        }

        foreach (ComparisonReport comparison in report.Comparisons)
        {
            console.PrintLine(string.Create(CultureInfo.InvariantCulture,
                $"{comparison.Mmu} against {comparison.Against}: {comparison.MedianRatio:F2} times the pages/s (median of {comparison.Pairs} paired {(comparison.Pairs == 1 ? "ratio" : "ratios")}, {comparison.MinRatio:F2} to {comparison.MaxRatio:F2})"));
        }
    }

    private static void PrintRound(CommandConsole console, DemandPagingRunReport[] runs, int rounds)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn(new TableColumn(new Text(string.Create(CultureInfo.InvariantCulture, $"round {runs[0].Repeat + 1} of {rounds}"))));
        foreach (DemandPagingRunReport run in runs)
        {
            table.AddColumn(new TableColumn(new Text(run.Lock is null ? run.Mmu : $"{run.Mmu} ({run.Lock})")).RightAligned().NoWrap());
        }

        foreach ((string name, Func<DemandPagingRunReport, string> value) in s_rows)
        {
            table.AddRow([new Text(name), .. runs.Select(run => new Text(value(run)))]);
        }

        console.PrintTable(table);
        foreach (DemandPagingRunReport run in runs.Where(run => run.Error is not null))
        {
            console.PrintLine($"{run.Mmu} failed: {run.Error}");
        }
    }

    private static string Share(ulong? bytes, ulong guestBytes)
        => bytes is null ? Quantity.None : $"{ByteSize.Rounded(bytes.Value)} ({Quantity.Percent(Quantity.Ratio(bytes.Value, guestBytes))})";

    private static string Latency(HistogramReport? histogram)
        => histogram is null or { Count: 0 }
            ? Quantity.None
            : $"{Quantity.Nanoseconds(histogram.P50)} / {Quantity.Nanoseconds(histogram.P99)} / {Quantity.Nanoseconds(histogram.Max)}";
}
