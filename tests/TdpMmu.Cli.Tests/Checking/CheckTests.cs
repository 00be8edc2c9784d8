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
    public void ListNamesWhatFitsThePatterns()
    {
        CommandRun run = CommandRun.Of("check", "--list", "zap+zap-table", "epoch");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("epoch ", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("zap+zap-table ", lines[1], StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, CommandRun.Of("check", "--list", "no-such-scenario").ExitCode);
    }

    [Fact]
    public async Task WhatThereIsNoTimeForIsReported()
    {
        ToolRun run = await ToolRun.OfAsync("check", "--time", "1ms", "--json", "-");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.True(document.RootElement.GetProperty("not_begun").GetInt32() > 0);
        Assert.Empty(await ResultSchema.FindViolationsAsync(run.Output, TestContext.Current.CancellationToken));
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
    [InlineData("check", "--replay", "/nonexistent/file", "zap+zap")]
    [InlineData("check", "--replay", "/nonexistent/file", "--json", "-")]
    public async Task WrongArgumentsAreOneLine(params string[] arguments)
    {
        ToolRun run = await ToolRun.OfAsync(arguments);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
