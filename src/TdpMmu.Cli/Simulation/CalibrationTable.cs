using System.Globalization;
using Spectre.Console;
using TdpMmu.Cli.Output;
using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>Prints published and simulated numbers side by side, and what must hold between them.</summary>
internal static class CalibrationTable
{
    public static void Print(CommandConsole console, CalibrationReport report)
    {
        Table points = Create("experiment", "machine", "vCPUs", "published", "simulated", "ratio");
        foreach (CalibrationPoint point in report.Points)
        {
            points.AddRow(
                new Text(point.Experiment),
                new Text(point.Machine),
                new Text(Quantity.Count((long)point.Vcpus)),
                new Text(Quantity.PerSecond(point.Published)),
                new Text(Quantity.PerSecond(point.Simulated)),
                new Text(point.Ratio.ToString("F2", CultureInfo.InvariantCulture)));
        }

        console.PrintTable(points);
        Table checks = Create("experiment", "machine", "what must hold", "published", "simulated", "holds");
        foreach (CalibrationCheck check in report.Checks)
        {
            checks.AddRow(
                new Text(check.Experiment),
                new Text(check.Machine),
                new Text(check.Claim),
                new Text(Number(check.Published)),
                new Text(Number(check.Simulated)),
                new Text(check.Holds ? "yes" : "NO"));
        }

        console.PrintTable(checks);
        int held = report.Checks.Count(static check => check.Holds);
        console.PrintLine(string.Create(CultureInfo.InvariantCulture, $"{held} of {report.Checks.Count} hold."));
    }

    private static Table Create(params string[] columns)
    {
        Table table = new Table().Border(TableBorder.Simple);
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }

        return table;
    }

    private static string Number(double value) => value >= 1000 ? Quantity.PerSecond(value) : value.ToString("G4", CultureInfo.InvariantCulture);
}
