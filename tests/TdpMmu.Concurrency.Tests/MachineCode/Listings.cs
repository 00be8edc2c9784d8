using System.Diagnostics;
using System.Text.RegularExpressions;

namespace TdpMmu.Concurrency.Tests.MachineCode;

/// <summary>The machine code of the probe program's methods, as the runtime's own disassembler printed it.</summary>
public sealed partial class Listings
{
    private readonly Dictionary<(string Method, string Tier), string[]> _listings = [];

    public Listings()
    {
        var file = Path.Combine(Path.GetTempPath(), $"tdpmmu-listing-{Guid.NewGuid():n}.txt");
        try
        {
            Output = RunProbes(file);
            Parse(File.ReadAllText(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    public string Output { get; }

    public IEnumerable<KeyValuePair<(string Method, string Tier), string[]>> Optimised => _listings.Where(listing => listing.Key.Tier is "Tier1" or "Tier1-OSR");

    /// <summary>The instructions of a method, without labels, prologue arithmetic or comments, blanks normalised.</summary>
    public string[] Of(string method, string tier) =>
        _listings.TryGetValue((method, tier), out var instructions)
            ? instructions
            : throw new InvalidOperationException($"{method} was not compiled at {tier}; there are: {string.Join(", ", _listings.Keys)}");

    private static string RunProbes(string file)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet")
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
            ArgumentList = { "exec", Path.Combine(AppContext.BaseDirectory, "TdpMmu.MachineCode.dll") },
            Environment =
            {
                ["DOTNET_JitDisasm"] = "Probe*",
                ["DOTNET_JitStdOutFile"] = file,
                ["DOTNET_TieredPGO"] = "0",
                ["DOTNET_TC_CallCountingDelayMs"] = "0",
            },
        };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill();
            throw new TimeoutException("The probe program does not end.");
        }

        return process.ExitCode == 0 ? output.GetAwaiter().GetResult().Trim() : throw new InvalidOperationException($"Exit code {process.ExitCode}.");
    }

    [GeneratedRegex(@":(?<method>\w+)\(.*\((?<tier>[^()]+)\)$")]
    private static partial Regex Heading { get; }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks { get; }

    private void Parse(string text)
    {
        foreach (var part in text.Split("; Assembly listing for method ").Skip(1))
        {
            var lines = part.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            var heading = Heading.Match(lines[0]);
            var instructions = lines.Skip(1)
                .Where(line => !line.StartsWith(';') && !line.StartsWith("G_M", StringComparison.Ordinal) && !line.StartsWith("align", StringComparison.Ordinal))
                .Select(line => Blanks.Replace(line, " "));
            _listings[(heading.Groups["method"].Value, heading.Groups["tier"].Value)] = JoinPrefixes(instructions);
        }
    }

    // The disassembler prints a lock prefix on a line of its own.
    private static string[] JoinPrefixes(IEnumerable<string> lines)
    {
        var joined = new List<string>();
        var prefix = string.Empty;
        foreach (var line in lines)
        {
            if (line == "lock")
            {
                prefix = "lock ";
                continue;
            }

            joined.Add(prefix + line);
            prefix = string.Empty;
        }

        return [.. joined];
    }
}
