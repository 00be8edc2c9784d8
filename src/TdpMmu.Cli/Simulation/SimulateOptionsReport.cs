using TdpMmu.Cli.DemandPaging;

namespace TdpMmu.Cli.Simulation;

/// <summary>The options of an invocation, defaults included. A calibration has none.</summary>
internal sealed record SimulateOptionsReport
{
    public required string Workload { get; init; }

    public required string MachineModel { get; init; }

    public required IReadOnlyList<int> Vcpus { get; init; }

    public required ulong MemoryPerVcpuBytes { get; init; }

    public required int SampledPagesPerVcpu { get; init; }

    public required IReadOnlyList<string> Mmu { get; init; }

    public required IReadOnlyList<string> Lock { get; init; }

    public required string Source { get; init; }

    public required string Pattern { get; init; }

    public required int Invalidators { get; init; }

    public required int Seed { get; init; }

    public static SimulateOptionsReport Of(SimulateOptions options) => new()
    {
        Workload = SimulationNames.Workload.NameOf(options.Workload),
        MachineModel = options.Machine.Name,
        Vcpus = options.Vcpus,
        MemoryPerVcpuBytes = options.MemoryPerVcpu,
        SampledPagesPerVcpu = options.SamplePages,
        Mmu = [.. options.Mmus.Select(SimulationNames.Mmu.NameOf)],
        Lock = [.. options.Locks.Select(ChoiceNames.Lock.NameOf)],
        Source = SimulationNames.Source.NameOf(options.Source),
        Pattern = ChoiceNames.Pattern.NameOf(options.Pattern),
        Invalidators = options.Invalidators,
        Seed = options.Seed,
    };
}
