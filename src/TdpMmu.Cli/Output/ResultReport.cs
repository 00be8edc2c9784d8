using System.Text.Json.Serialization;

namespace TdpMmu.Cli.Output;

/// <summary>What the JSON document of every verb begins with.</summary>
internal abstract record ResultReport
{
    protected ResultReport(string verb) => Verb = verb;

    [JsonPropertyOrder(-1)]
    public int SchemaVersion { get; init; } = ToolVersion.SchemaVersion;

    [JsonPropertyOrder(-1)]
    public string Tool { get; init; } = ToolVersion.Tool;

    [JsonPropertyOrder(-1)]
    public string Version { get; init; } = ToolVersion.Version;

    [JsonPropertyOrder(-1)]
    public string Verb { get; }

    [JsonPropertyOrder(-1)]
    public MachineReport Machine { get; init; } = MachineReport.OfThisMachine();
}
