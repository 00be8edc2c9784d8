using TdpMmu.Cli.Parsing;
using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>The words of the command line, of tables and of JSON for what only simulations have.</summary>
internal static class SimulationNames
{
    public static NamedChoices<SimulatedExperimentKind> Workload { get; } = new(
        ("demand-paging", SimulatedExperimentKind.DemandPaging), ("invalidate", SimulatedExperimentKind.Invalidate));

    public static NamedChoices<SimulatedMmu> Mmu { get; } = new(
        ("direct", SimulatedMmu.Direct), ("legacy", SimulatedMmu.Legacy), ("none", SimulatedMmu.None));

    public static NamedChoices<SimulatedSource> Source { get; } = new(
        ("missing", SimulatedSource.Missing),
        ("shared", SimulatedSource.MissingShared),
        ("exit", SimulatedSource.Exit),
        ("anonymous", SimulatedSource.Anonymous),
        ("anonymous-2MiB", SimulatedSource.AnonymousLarge),
        ("resident", SimulatedSource.Resident));
}
