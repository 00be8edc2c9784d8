using System.Text.Json;
using TdpMmu.Cli.Parsing;
using TdpMmu.Concurrency;
using TdpMmu.Linux;

namespace TdpMmu.Cli.Tests.DemandPaging;

/// <summary>The verb from its arguments to its exit code, on real memory.</summary>
public sealed class DemandPagingVerbTests : IDisposable
{
    private readonly long _nativeBytes = NativeBlock.LiveBytes;

    private static readonly string[] s_small = ["demand-paging", "--vcpus", "3", "--memory-per-vcpu", "512KiB"];

    public static TheoryData<string> Variants =>
    [
        "--source missing",
        "--source missing --handlers shared",
        "--source missing --access read",
        "--source missing --pattern overlapping",
        "--source minor",
        "--source minor --backing touched --handlers shared",
        "--source exit",
        "--source exit --pattern overlapping --access read",
        "--source exit --backing touched",
        "--source anonymous",
        "--source anonymous --access read",
        "--source anonymous --pattern overlapping",
        "--source resident",
        "--source resident --memory-per-vcpu 4MiB --page-size 2MiB",
        "--source resident --format npt --lock read-write",
        "--source resident --format ept5 --lock monolithic",
        "--source exit --format npt5",
    ];

    [Theory]
    [MemberData(nameof(Variants))]
    public async Task EveryMmuCompletesVerifiedWithoutGarbage(string variant)
    {
        SkipWithoutUserfaultfd(variant);
        CommandRun run = CommandRun.Of([.. Merge(variant), "--mmu", "direct,legacy,none", "--json", "-"]);

        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
        Assert.Empty(await ResultSchema.FindViolationsAsync(run.Output, TestContext.Current.CancellationToken));
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement[] runs = [.. document.RootElement.GetProperty("runs").EnumerateArray()];
        Assert.Equal("direct legacy none", string.Join(' ', runs.Select(result => result.GetProperty("mmu").GetString())));
        foreach (JsonElement result in runs)
        {
            Assert.True(result.GetProperty("verified").GetBoolean());
            Assert.Equal(JsonValueKind.Null, result.GetProperty("error").ValueKind);
            Assert.Equal(0, result.GetProperty("gc_allocated_bytes").GetInt64());
            Assert.True(result.GetProperty("pages_per_second").GetDouble() > 0);
        }

        Assert.Equal(0, runs[0].GetProperty("metadata_bytes").GetInt64());
        Assert.True(runs[1].GetProperty("metadata_bytes").GetInt64() > 0);
        Assert.Equal(JsonValueKind.Null, runs[2].GetProperty("faults").ValueKind);
        Assert.Equal(2, document.RootElement.GetProperty("comparisons").GetArrayLength());
    }

    [Fact]
    public void FaultsCountEveryPageOnce()
    {
        CommandRun run = CommandRun.Of([.. s_small, "--source", "exit", "--json", "-"]);

        using JsonDocument document = JsonDocument.Parse(run.Output);
        foreach (JsonElement result in document.RootElement.GetProperty("runs").EnumerateArray())
        {
            Assert.Equal(3 * 128, result.GetProperty("pages").GetInt64());
            Assert.Equal(3 * 128, result.GetProperty("faults").GetInt64());
        }
    }

    [Fact]
    public void TableShowsEveryRoundAndTheComparison()
    {
        CommandRun run = CommandRun.Of([.. s_small, "--source", "exit", "--repeat", "2"]);

        Assert.True(run.ExitCode == ExitCode.Done, run.Error);
        Assert.Contains("round 1 of 2", run.Output, StringComparison.Ordinal);
        Assert.Contains("round 2 of 2", run.Output, StringComparison.Ordinal);
        Assert.Contains("direct (rcu)", run.Output, StringComparison.Ordinal);
        string last = run.Output.TrimEnd().Split('\n')[^1];
        Assert.StartsWith("direct against legacy: ", last, StringComparison.Ordinal);
        Assert.Contains("median of 2 paired ratios", last, StringComparison.Ordinal);
    }

    [Fact]
    public void JsonFileStandsBesideTheTable()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            CommandRun run = CommandRun.Of([.. s_small, "--source", "resident", "--mmu", "none", "--json", path]);

            Assert.True(run.ExitCode == ExitCode.Done, run.Error);
            Assert.Contains("pages/s in total", run.Output, StringComparison.Ordinal);
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
            Assert.Equal("demand-paging", document.RootElement.GetProperty("verb").GetString());
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("--vcpus 4096 --memory-per-vcpu 16GiB", "memory")]
    [InlineData("--vcpus 1 --memory-per-vcpu 16TiB", "memory")]
    public void WhatTheMachineLacksIsRefusedBeforeAnythingStarts(string arguments, string expected)
    {
        CommandRun run = CommandRun.Of(["demand-paging", .. arguments.Split(' ')]);

        Assert.Equal(ExitCode.MissingResource, run.ExitCode);
        Assert.Empty(run.Output);
        Assert.Contains(expected, Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("direct")]
    [InlineData("legacy")]
    [InlineData("none")]
    public void InterruptEndsARunWith130(string mmu)
    {
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        interrupt.CancelAfter(TimeSpan.FromMilliseconds(700));

        // A thousand rounds take far longer than the interrupt.
        CommandRun run = CommandRun.Of(interrupt.Token, "demand-paging", "--source", "anonymous", "--mmu", mmu, "--repeat", "1000");

        Assert.Equal(ExitCode.Interrupted, run.ExitCode);
        Assert.Equal("tdpmmu: interrupted", Assert.Single(run.ErrorLines));
        Assert.Empty(run.Output);
    }

    /// <summary>After each test.</summary>
    public void Dispose()
    {
        Assert.Equal(0, LiveResources.Mappings);
        Assert.Equal(0, LiveResources.Descriptors);
        Assert.Equal(_nativeBytes, NativeBlock.LiveBytes);
    }

    private static string[] Merge(string variant)
    {
        string[] words = variant.Split(' ');
        int ownMemory = Array.IndexOf(words, "--memory-per-vcpu");
        return [.. ownMemory < 0 ? s_small : s_small[..3], .. words];
    }

    private static void SkipWithoutUserfaultfd(string variant)
    {
        if ((variant.Contains("missing", StringComparison.Ordinal) || variant.Contains("minor", StringComparison.Ordinal))
            && HostCapabilities.Probe().FirstOrDefault(capability => capability.Name == "userfaultfd") is not { Available: true })
        {
            Assert.Skip("userfaultfd is not permitted on this machine");
        }
    }
}
