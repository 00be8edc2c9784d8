using System.Text.Json;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Tests.Checking;

/// <summary>The verb as its users see it. Whatever explores runs in a process of its own, because the verb decides how the engine is compiled.</summary>
public sealed class CheckTests
{
    [Fact]
    public void ListNamesScenarios()
    {
        CommandRun run = CommandRun.Of("check", "--list");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Contains("fault-present-table+zap ", run.Output, StringComparison.Ordinal);
        Assert.Contains("epoch", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnExhaustedScenarioIsReported()
    {
        ToolRun run = await ToolRun.OfAsync("check", "fault-present-table+zap", "--lock", "rcu", "--memory", "sc,tso", "--time", "30s", "--json", "-");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Empty(run.Error);
        Assert.Empty(await ResultSchema.FindViolationsAsync(run.Output, TestContext.Current.CancellationToken));
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement[] runs = [.. document.RootElement.GetProperty("runs").EnumerateArray()];
        Assert.Contains(runs, static one => one.GetProperty("memory").GetString() == "sc");
        Assert.Contains(runs, static one => one.GetProperty("memory").GetString() == "tso");
        Assert.All(runs, static one => Assert.True(one.GetProperty("exhausted").GetBoolean()));
        Assert.All(runs, static one => Assert.Equal(0, one.GetProperty("findings").GetArrayLength()));
    }

    [Theory]
    [InlineData("check", "no-such-scenario")]
    [InlineData("check", "--time", "soon")]
    [InlineData("check", "--memory", "arm")]
    [InlineData("check", "--replay", "/nonexistent/file")]
    public async Task WrongArgumentsAreOneLine(params string[] arguments)
    {
        ToolRun run = await ToolRun.OfAsync(arguments);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
