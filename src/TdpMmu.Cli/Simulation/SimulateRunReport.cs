using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Output;
using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>One simulation.</summary>
internal sealed record SimulateRunReport
{
    public required string Mmu { get; init; }

    public required string? Lock { get; init; }

    public required int Vcpus { get; init; }

    public required ulong MemoryPerVcpuBytes { get; init; }

    public required string MachineModel { get; init; }

    public required ulong Seed { get; init; }

    public required int SampledPagesPerVcpu { get; init; }

    public required double VirtualSeconds { get; init; }

    /// <summary>Virtual time that all memory would take; null for workloads without an end.</summary>
    public required double? ExtrapolatedSeconds { get; init; }

    public required long Pages { get; init; }

    public required double PagesPerSecond { get; init; }

    /// <summary>Pages per second and vCPU, against those of one vCPU alone; null for invalidations, whose number does not grow with the vCPUs.</summary>
    public required double? Efficiency { get; init; }

    public required long? Faults { get; init; }

    public required long? Retries { get; init; }

    public required double? LockWaitFraction { get; init; }

    public required double HostFraction { get; init; }

    public required double LineWaitFraction { get; init; }

    public required double SharedLineTransfersPerFault { get; init; }

    public required long TlbShootdowns { get; init; }

    public required long ProcessWideFences { get; init; }

    public required double LongestStallSeconds { get; init; }

    public required double? MeanInvalidationSeconds { get; init; }

    public required double? LongestInvalidationSeconds { get; init; }

    public required double WallSeconds { get; init; }

    public required IReadOnlyList<CostlyLineReport> CostlyLines { get; init; }

    public static SimulateRunReport Of(SimulationOptions options, SimulationResult result, double? aloneRate)
    {
        bool hasMmu = options.Mmu != SimulatedMmu.None;
        return new SimulateRunReport
        {
            Mmu = SimulationNames.Mmu.NameOf(options.Mmu),
            Lock = options.Mmu == SimulatedMmu.Direct ? ChoiceNames.Lock.NameOf(options.Lock) : null,
            Vcpus = options.Vcpus,
            MemoryPerVcpuBytes = options.MemoryPerVcpu,
            MachineModel = options.Machine.Name,
            Seed = options.Seed,
            SampledPagesPerVcpu = options.SamplePages,
            VirtualSeconds = result.VirtualSeconds,
            ExtrapolatedSeconds = double.IsFinite(result.TotalSeconds) ? result.TotalSeconds : null,
            Pages = result.Pages,
            PagesPerSecond = result.PagesPerSecond,
            Efficiency = aloneRate is { } rate ? Quantity.Ratio(result.PagesPerSecond, options.Vcpus * rate) : null,
            Faults = hasMmu ? result.Faults : null,
            Retries = hasMmu ? result.Retries : null,
            LockWaitFraction = hasMmu ? result.LockWaitFraction : null,
            HostFraction = result.HostFraction,
            LineWaitFraction = result.TransferFraction,
            SharedLineTransfersPerFault = result.TransfersPerFault,
            TlbShootdowns = result.TlbShootdowns,
            ProcessWideFences = result.Fences,
            LongestStallSeconds = result.LongestStall / 1e9,
            MeanInvalidationSeconds = result.MeanInvalidation > 0 ? result.MeanInvalidation / 1e9 : null,
            LongestInvalidationSeconds = result.LongestInvalidation > 0 ? result.LongestInvalidation / 1e9 : null,
            WallSeconds = result.RealSeconds,
            CostlyLines = [.. result.CostlyLines.Select(CostlyLineReport.Of)],
        };
    }

    [System.Text.Json.Serialization.JsonIgnore]
    public string Label => Lock is null ? Mmu : $"{Mmu} ({Lock})";
}
