using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.Simulation;

/// <summary>The JSON document of <c>simulate</c>.</summary>
internal sealed record SimulateReport() : ResultReport("simulate")
{
    /// <summary>Null for a calibration.</summary>
    public required SimulateOptionsReport? Options { get; init; }

    public int WarmupRuns { get; init; }

    public required IReadOnlyList<SimulateRunReport> Runs { get; init; }

    public required IReadOnlyList<ScalabilityFitReport> Fits { get; init; }

    public required IReadOnlyList<CalibrationPointReport> CalibrationPoints { get; init; }

    public required IReadOnlyList<CalibrationCheckReport> CalibrationChecks { get; init; }
}
