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
            Print(console, capabilities);
        }

        target.Write(CreateReport(capabilities), ReportJsonContext.Default.DoctorReport);
        return ExitCode.Done;
    }

    private static DoctorReport CreateReport(IReadOnlyList<HostCapability> capabilities) => new()
    {
        Capabilities = [.. capabilities.Select(capability => new CapabilityReport
        {
            Name = capability.Name,
            Available = capability.Available,
            Detail = capability.Detail,
            TurnsOff = LackingOrNull(capability, capability.TurnsOff),
            Remedy = LackingOrNull(capability, capability.Remedy),
        })],
    };

    /// <summary>What is there turns nothing off.</summary>
    private static string? LackingOrNull(HostCapability capability, string text) => capability.Available || text.Length == 0 ? null : text;

    private static void Print(CommandConsole console, IReadOnlyList<HostCapability> capabilities)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("what", "here", "found");
        foreach (HostCapability capability in capabilities)
        {
            table.AddRow(new Text(capability.Name), new Text(capability.Available ? "yes" : "no"), new Text(capability.Detail));
        }

        console.PrintTable(table);
        foreach (HostCapability capability in capabilities.Where(capability => !capability.Available))
        {
            console.PrintLine(capability.Remedy.Length == 0
                ? $"No {capability.Name}. That turns off: {capability.TurnsOff}."
                : $"No {capability.Name}. That turns off: {capability.TurnsOff}. To get it: {capability.Remedy}.");
        }
    }
}
