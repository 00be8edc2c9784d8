using TdpMmu.Cli.DemandPaging;
using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>What an invocation of the verb simulates.</summary>
internal sealed record SimulateOptions
{
    public required SimulatedExperimentKind Workload { get; init; }

    public required MachineModel Machine { get; init; }

    /// <summary>Numbers of vCPUs, ascending.</summary>
    public required IReadOnlyList<int> Vcpus { get; init; }

    public required ulong MemoryPerVcpu { get; init; }

    public required int SamplePages { get; init; }

    public required IReadOnlyList<SimulatedMmu> Mmus { get; init; }

    public required IReadOnlyList<LockPolicyKind> Locks { get; init; }

    public required SimulatedSource Source { get; init; }

    public required TouchPattern Pattern { get; init; }

    public required int Invalidators { get; init; }

    public required int Seed { get; init; }

    public required bool Explain { get; init; }

    public required string? Plot { get; init; }

    /// <summary>What is compared: each MMU, the direct one with each lock policy.</summary>
    public IEnumerable<(SimulatedMmu Mmu, LockPolicyKind? Lock)> Variants
        => Mmus.SelectMany(mmu => mmu == SimulatedMmu.Direct ? Locks.Select(policy => (mmu, (LockPolicyKind?)policy)) : [(mmu, null)]);

    public SimulationOptions For(SimulatedMmu mmu, LockPolicyKind? policy, int vcpus) => new()
    {
        Machine = Machine,
        Mmu = mmu,
        Lock = policy ?? LockPolicyKind.Rcu,
        Vcpus = vcpus,
        MemoryPerVcpu = MemoryPerVcpu,
        SamplePages = SamplePages,
        Source = Source,
        Overlapping = Pattern == TouchPattern.Overlapping,
        Invalidators = Invalidators,
        Seed = (ulong)Seed,
        Explain = Explain,
    };
}
