namespace TdpMmu.Verification.Simulation;

/// <summary>What is simulated. Immutable.</summary>
public sealed record SimulationOptions
{
    /// <summary>The most vCPUs of a simulation.</summary>
    public const int MaximumVcpus = 8192;

    /// <summary>The machine.</summary>
    public required MachineModel Machine { get; init; }

    /// <summary>What handles faults.</summary>
    public SimulatedMmu Mmu { get; init; } = SimulatedMmu.Direct;

    /// <summary>The direct MMU's lock policy.</summary>
    public LockPolicyKind Lock { get; init; } = LockPolicyKind.Rcu;

    /// <summary>vCPUs, each on a processor of its own.</summary>
    public int Vcpus { get; init; } = 1;

    /// <summary>Guest memory of each vCPU in bytes, or of all together where they touch the same.</summary>
    public ulong MemoryPerVcpu { get; init; } = 4UL << 30;

    /// <summary>
    /// How many pages each vCPU touches in the measured part; what <see cref="MemoryPerVcpu"/> would take is extrapolated. Pages of 2 MiB
    /// where the source brings those.
    /// </summary>
    public int SamplePages { get; init; } = 1024;

    /// <summary>How missing pages come in.</summary>
    public SimulatedSource Source { get; init; } = SimulatedSource.Missing;

    /// <summary>Whether all vCPUs touch the same pages.</summary>
    public bool Overlapping { get; init; }

    /// <summary>Decides by how much vCPUs start apart, and what is invalidated.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Whether the lines that cost most are listed.</summary>
    public bool Explain { get; init; }

    /// <summary>Host threads that invalidate.</summary>
    public int Invalidators { get; init; } = 8;

    /// <summary>Invalidations of each of them.</summary>
    public int InvalidationsEach { get; init; } = 8;

    /// <summary>Pages of an invalidation.</summary>
    public int InvalidationPages { get; init; } = 64;

    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Vcpus, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Vcpus, MaximumVcpus);
        ArgumentOutOfRangeException.ThrowIfLessThan(SamplePages, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Invalidators, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Invalidators, 64);
        ArgumentOutOfRangeException.ThrowIfLessThan(InvalidationsEach, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(InvalidationPages, 1);
        Machine.Validate();
    }
}
