using System.CommandLine;
using Spectre.Console;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Linux;

namespace TdpMmu.Cli.Doctor;

/// <summary>The verb that says what this machine offers, and what each lack turns off.</summary>
internal static class DoctorCommand
{
    public static Command Create(CommandConsole console, CancellationToken cancellationToken)
    {
        ValueOption<string?> json = Options.Json();
        var command = new Command("doctor", "Say what this machine offers, and what each lack turns off") { json };
        command.SetAction(result => VerbThread.Run("doctor", () => Run(console, json.ValueIn(result), cancellationToken)));
        return command;
    }

    private static int Run(CommandConsole console, string? jsonPath, CancellationToken cancellationToken)
    {
        JsonTarget target = JsonTarget.Open(jsonPath, console);
        cancellationToken.ThrowIfCancellationRequested();
        IReadOnlyList<HostCapability> capabilities = HostCapabilities.Probe();
        if (!target.OwnsStandardOutput)
        {
            Print(console.CreateTableConsole(), capabilities);
        }

        target.Write(CreateReport(capabilities), ReportJsonContext.Default.DoctorReport);
        return ExitCode.Done;
    }

    private static DoctorReport CreateReport(IReadOnlyList<HostCapability> capabilities) => new()
    {
        Machine = MachineReport.OfThisMachine(),
        Capabilities = [.. capabilities.Select(capability => new CapabilityReport
        {
            Name = capability.Name,
            Available = capability.Available,
            Detail = capability.Detail,
            TurnsOff = NullIfEmpty(capability.TurnsOff),
            Remedy = NullIfEmpty(capability.Remedy),
        })],
    };

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static void Print(IAnsiConsole console, IReadOnlyList<HostCapability> capabilities)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("what", "here", "found");
        foreach (HostCapability capability in capabilities)
        {
            table.AddRow(new Text(capability.Name), new Text(capability.Available ? "yes" : "no"), new Text(capability.Detail));
        }

        console.Write(table);
        foreach (HostCapability capability in capabilities.Where(capability => !capability.Available))
        {
            console.WriteLine($"{capability.Name} is missing. It turns off: {capability.TurnsOff}. To get it: {capability.Remedy}");
        }
    }
}
