using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.Doctor;

/// <summary>The JSON document of <c>doctor</c>.</summary>
internal sealed record DoctorReport
{
    public int SchemaVersion { get; init; } = ToolVersion.SchemaVersion;

    public string Tool { get; init; } = ToolVersion.Tool;

    public string Version { get; init; } = ToolVersion.Version;

    public string Verb { get; init; } = "doctor";

    public required MachineReport Machine { get; init; }

    public DoctorOptionsReport Options { get; init; } = new();

    public int WarmupRuns { get; init; }

    /// <summary>Always empty: nothing is run.</summary>
    public IReadOnlyList<object> Runs { get; init; } = [];

    public required IReadOnlyList<CapabilityReport> Capabilities { get; init; }
}
