using System.Globalization;
using Spectre.Console;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Simulation;

/// <summary>Prints throughput over vCPUs, the largest number in detail, and the fits.</summary>
internal static class SimulateTable
{
    private const int PlacesShown = 3;

    private static readonly (string Name, Func<SimulateRunReport, string> Value)[] s_rows =
    [
        ("virtual time of the sample", run => Seconds(run.VirtualSeconds)),
        ("virtual time of all memory, extrapolated", run => Quantity.Seconds(run.ExtrapolatedSeconds)),
        ("pages/s in total", run => Quantity.PerSecond(run.PagesPerSecond)),
        ("efficiency against one vCPU", run => Quantity.Percent(run.Efficiency)),
        ("faults", run => Quantity.Count(run.Faults)),
        ("retries", run => Quantity.Count(run.Retries)),
        ("vCPU time waiting for the MMU lock", run => Quantity.Percent(run.LockWaitFraction)),
        ("vCPU time in the host", run => Quantity.Percent(run.HostFraction)),
        ("vCPU time waiting for cache lines", run => Quantity.Percent(run.LineWaitFraction)),
        ("line transfers per fault", run => run.SharedLineTransfersPerFault.ToString("F3", CultureInfo.InvariantCulture)),
        ("TLB shootdowns", run => Quantity.Count(run.TlbShootdowns)),
        ("longest stall of a vCPU", run => Seconds(run.LongestStallSeconds)),
        ("invalidation, mean / longest", run => run.MeanInvalidationSeconds is null ? Quantity.None : $"{Seconds(run.MeanInvalidationSeconds.Value)} / {Seconds(run.LongestInvalidationSeconds!.Value)}"),
        ("real time", run => Quantity.Seconds(run.WallSeconds)),
    ];

    public static void Print(CommandConsole console, SimulateOptions options, SimulateReport report)
    {
        SimulateOptionsReport told = report.Options!;
        console.PrintLine(string.Create(CultureInfo.InvariantCulture,
            $"{told.Workload}, source {told.Source}, {told.Pattern}, {ByteSize.Exact(told.MemoryPerVcpuBytes)} per vCPU, of which {told.SampledPagesPerVcpu} pages are simulated; machine {told.MachineModel}: {options.Machine.Description}"));
        if (options.Vcpus[^1] > options.Machine.CpuCount)
        {
            console.PrintLine(string.Create(CultureInfo.InvariantCulture,
                $"{options.Vcpus[^1]} vCPUs are more than the machine's {options.Machine.CpuCount} processors: it is taken to have further sockets of the same kind."));
        }

        if (options.Vcpus.Count > 1)
        {
            PrintCurves(console, report.Runs);
        }

        PrintDetails(console, [.. report.Runs.Where(run => run.Vcpus == options.Vcpus[^1])]);
        foreach (ScalabilityFitReport fit in report.Fits)
        {
            string peak = fit.PeakVcpus is { } vcpus ? string.Create(CultureInfo.InvariantCulture, $"highest at {vcpus:F0} vCPUs") : "no peak";
            console.PrintLine(string.Create(CultureInfo.InvariantCulture,
                $"scalability law, {(fit.Lock is null ? fit.Mmu : $"{fit.Mmu} ({fit.Lock})")}: {Quantity.PerSecond(fit.Lambda)} alone, serial {fit.Sigma:G3}, coherence {fit.Kappa:G3}, {peak}"));
        }

        foreach (SimulateRunReport run in report.Runs.Where(run => run.CostlyLines.Count > 0 && run.Vcpus == options.Vcpus[^1]))
        {
            PrintLines(console, run);
        }
    }

    private static void PrintCurves(CommandConsole console, IReadOnlyList<SimulateRunReport> runs)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn(new TableColumn(new Text("pages/s at vCPUs")).RightAligned());
        string[] labels = [.. runs.Select(run => run.Label).Distinct(StringComparer.Ordinal)];
        foreach (string label in labels)
        {
            table.AddColumn(new TableColumn(new Text(label)).RightAligned().NoWrap());
        }

        foreach (IGrouping<int, SimulateRunReport> row in runs.GroupBy(run => run.Vcpus))
        {
            table.AddRow([new Text(Quantity.Count((long)row.Key)), .. labels.Select(label => new Text(Quantity.PerSecond(row.First(run => run.Label == label).PagesPerSecond)))]);
        }

        console.PrintTable(table);
    }

    private static void PrintDetails(CommandConsole console, SimulateRunReport[] runs)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn(new TableColumn(new Text(string.Create(CultureInfo.InvariantCulture, $"{runs[0].Vcpus} vCPUs"))));
        foreach (SimulateRunReport run in runs)
        {
            table.AddColumn(new TableColumn(new Text(run.Label)).RightAligned().NoWrap());
        }

        foreach ((string name, Func<SimulateRunReport, string> value) in s_rows)
        {
            table.AddRow([new Text(name), .. runs.Select(run => new Text(value(run)))]);
        }

        console.PrintTable(table);
    }

    private static void PrintLines(CommandConsole console, SimulateRunReport run)
    {
        Table table = new Table().Border(TableBorder.Simple);
        table.AddColumn(new TableColumn(new Text($"lines that {run.Label} waited for")));
        table.AddColumn(new TableColumn(new Text("transfers")).RightAligned());
        table.AddColumn(new TableColumn(new Text("waited in all")).RightAligned());
        table.AddColumn(new TableColumn(new Text("by")));
        foreach (CostlyLineReport line in run.CostlyLines)
        {
            table.AddRow(
                new Text(line.Holds),
                new Text(Quantity.Count(line.Transfers)),
                new Text(Seconds(line.WaitedSeconds)),
                new Text(string.Join("; ", line.Places.Take(PlacesShown))));
        }

        console.PrintTable(table);
    }

    private static string Seconds(double seconds)
        => seconds >= 1 ? Quantity.Seconds(seconds) : Quantity.Nanoseconds((ulong)Math.Round(seconds * 1e9));
}
