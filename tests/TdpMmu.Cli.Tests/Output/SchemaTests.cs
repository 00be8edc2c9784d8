using System.Text.Json.Nodes;

namespace TdpMmu.Cli.Tests.Output;

/// <summary>The schema must refuse what is wrong, or fitting it would say nothing.</summary>
public sealed class SchemaTests
{
    public static TheoryData<string, Action<JsonObject>> Damages => new()
    {
        { "unknown field", document => document["extra"] = 1 },
        { "missing field", document => document.Remove("machine") },
        { "other verb", document => document["verb"] = "dirty-log" },
        { "other schema", document => document["schema_version"] = 2 },
        { "wrong type of a list", document => document["runs"] = 1 },
        { "unknown field in a run", document => FirstRun(document)["extra"] = 1 },
        { "missing field in a run", document => FirstRun(document).Remove("verified") },
        { "unknown name", document => FirstRun(document)["mmu"] = "fast" },
        { "negative count", document => FirstRun(document)["pages"] = -1 },
        { "fraction above one", document => FirstRun(document)["lock_wait_fraction"] = 1.5 },
        { "text for a number", document => FirstRun(document)["wall_seconds"] = "1" },
        { "histogram without percentiles", document => FirstRun(document)["fault_latency"] = new JsonObject { ["unit"] = "ns" } },
    };

    [Fact]
    public async Task UndamagedDocumentFits()
        => Assert.Empty(await ResultSchema.FindViolationsAsync(RealDocument().ToJsonString(), TestContext.Current.CancellationToken));

    [Theory]
    [MemberData(nameof(Damages), DisableDiscoveryEnumeration = true)]
    public async Task DamagedDocumentIsRefused(string damage, Action<JsonObject> inflict)
    {
        JsonObject document = RealDocument();
        inflict(document);

        Assert.True((await ResultSchema.FindViolationsAsync(document.ToJsonString(), TestContext.Current.CancellationToken)).Count > 0, $"the schema accepts: {damage}");
    }

    private static JsonObject RealDocument()
    {
        CommandRun run = CommandRun.Of("demand-paging", "--vcpus", "1", "--memory-per-vcpu", "64KiB", "--source", "resident", "--mmu", "none", "--json", "-");
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonNode.Parse(run.Output)!.AsObject();
    }

    private static JsonObject FirstRun(JsonObject document) => document["runs"]![0]!.AsObject();
}
