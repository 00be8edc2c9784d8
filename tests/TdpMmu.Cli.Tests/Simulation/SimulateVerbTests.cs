using System.Diagnostics;
using System.Text.Json;
using System.Xml.Linq;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Tests.Simulation;

/// <summary>The verb <c>simulate</c>. Simulations need a process of their own, because the engine is compiled for them.</summary>
public sealed class SimulateVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("simulate-test").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("needs a workload", "simulate")]
    [InlineData("'page-in' is not known", "simulate", "page-in")]
    [InlineData("leave 'invalidate' out", "simulate", "invalidate", "--calibrate")]
    [InlineData("leave '--vcpus' out", "simulate", "--calibrate", "--vcpus", "3")]
    [InlineData("leave '--explain' out", "simulate", "--calibrate", "--explain")]
    [InlineData("give one of them", "simulate", "demand-paging", "--vcpus", "4", "--sweep", "1,2")]
    [InlineData("ascending whole numbers", "simulate", "demand-paging", "--sweep", "4,2")]
    [InlineData("nothing to invalidate", "simulate", "invalidate", "--mmu", "none")]
    [InlineData("--source means nothing", "simulate", "invalidate", "--source", "exit")]
    [InlineData("--invalidators means nothing", "simulate", "demand-paging", "--invalidators", "2")]
    [InlineData("--lock means nothing", "simulate", "demand-paging", "--mmu", "legacy", "--lock", "rcu")]
    [InlineData("fewer than 8192 pages", "simulate", "demand-paging", "--memory-per-vcpu", "4MiB", "--sample", "8192")]
    [InlineData("exceed 16TiB", "simulate", "demand-paging", "--vcpus", "4097")]
    [InlineData("'no-such-machine' is neither", "simulate", "demand-paging", "--machine", "no-such-machine")]
    public void AWrongArgumentIsOneLine(string complaint, params string[] arguments)
    {
        var run = CommandRun.Of(arguments);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(complaint, Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public void AFileThatIsNoMachineIsRefused()
    {
        string path = Path.Combine(_folder, "machine.json");
        File.WriteAllText(path, "{ \"name\": \"mine\" }");

        var run = CommandRun.Of("simulate", "demand-paging", "--machine", path);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("is not a machine", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASweepGivesResultsThatFitTheSchemaAndAPlot()
    {
        string plot = Path.Combine(_folder, "plot.svg");

        using JsonDocument document = await SimulateAsync("demand-paging", "--sweep", "1,4,8", "--sample", "32", "--plot", plot, "--explain");

        JsonElement[] runs = [.. document.RootElement.GetProperty("runs").EnumerateArray()];
        Assert.Equal(5 * 3, runs.Length);
        Assert.All(runs, run => Assert.Equal(32 * run.GetProperty("vcpus").GetInt32(), run.GetProperty("pages").GetInt32()));
        Assert.Equal(5, document.RootElement.GetProperty("fits").GetArrayLength());
        Assert.Contains(runs, static run => run.GetProperty("costly_lines").GetArrayLength() > 0);
        XElement drawing = XDocument.Load(plot).Root!;
        Assert.Equal("svg", drawing.Name.LocalName);
        Assert.Equal(2 * 5, drawing.Elements().Count(static element => element.Name.LocalName == "polyline"));
    }

    [Fact]
    public async Task InvalidationsAreSimulated()
    {
        using JsonDocument document = await SimulateAsync("invalidate", "--vcpus", "4", "--memory-per-vcpu", "2MiB", "--sample", "64", "--invalidators", "2");

        Assert.All(document.RootElement.GetProperty("runs").EnumerateArray(), static run =>
        {
            Assert.True(run.GetProperty("tlb_shootdowns").GetInt64() > 0);
            Assert.True(run.GetProperty("mean_invalidation_seconds").GetDouble() > 0);
            Assert.Equal(JsonValueKind.Null, run.GetProperty("efficiency").ValueKind);
        });
    }

    private static async Task<JsonDocument> SimulateAsync(params string[] arguments)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "tdpmmu.dll"), "simulate", .. arguments, "--json", "-"])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(TimeSpan.FromSeconds(60));
            Task<string> error = process.StandardError.ReadToEndAsync(limit.Token);
            string output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            Assert.Equal(string.Empty, await error);
            Assert.Equal(ExitCode.Done, process.ExitCode);
            Assert.Empty(await ResultSchema.FindViolationsAsync(output, cancellation));
            return JsonDocument.Parse(output);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
