namespace TdpMmu.Cli.Simulation;

/// <summary>What the simulated threads do.</summary>
internal enum SimulatedExperimentKind
{
    DemandPaging,
    Invalidate,
}
