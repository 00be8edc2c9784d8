using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.Doctor;

/// <summary>The JSON document of <c>doctor</c>.</summary>
internal sealed record DoctorReport() : ResultReport("doctor")
{
    public DoctorOptionsReport Options { get; init; } = new();

    public int WarmupRuns { get; init; }

    /// <summary>Always empty: nothing is run.</summary>
    public IReadOnlyList<object> Runs { get; init; } = [];

    public required IReadOnlyList<CapabilityReport> Capabilities { get; init; }
}
