namespace TdpMmu;

/// <summary>What a virtual machine is made of. Checked when the machine is created.</summary>
public sealed class VirtualMachineOptions
{
    /// <summary>The most vCPUs that a machine can have.</summary>
    public const int MaxVcpuCount = 16_384;

    /// <summary>The layout of the second-stage tables. EPT with four levels by default.</summary>
    public PagingFormatKind Format { get; init; } = PagingFormatKind.Ept;

    /// <summary>Which MMU. The direct one by default.</summary>
    public MmuKind Mmu { get; init; } = MmuKind.Direct;

    /// <summary>What excludes what in the direct MMU. RCU by default; the legacy MMU has one lock whatever is chosen.</summary>
    public LockPolicyKind Lock { get; init; } = LockPolicyKind.Rcu;

    /// <summary>vCPUs, 1 to <see cref="MaxVcpuCount"/>. 1 by default.</summary>
    public int VcpuCount { get; init; } = 1;

    /// <summary>How many vCPUs run at a time; 0 (the default) for the number of processors.</summary>
    public int RunPermitCount { get; init; }

    /// <summary>Translations that each vCPU caches, a power of two from 16 to 65,536. 256 by default.</summary>
    public int TlbEntries { get; init; } = 256;

    /// <summary>Every n-th fault of a vCPU is timed; 1 for all, the default is 16. Timing costs about 40 ns.</summary>
    public int FaultTimingInterval { get; init; } = 16;

    /// <summary>The most memory that page tables may take, in bytes; at least 64 KiB. No limit by default.</summary>
    public ulong PageTableLimitBytes { get; init; } = ulong.MaxValue;

    /// <summary>Takes accesses to guest physical addresses without memory, and writes to read-only memory; null makes them fail.</summary>
    public MmioHandler? Mmio { get; init; }

    /// <summary>Called first thing on each vCPU's thread with the vCPU's index, for instance to pin it to a processor.</summary>
    public Action<int>? VcpuThreadStarted { get; init; }

    /// <summary>Host threads that operate on the machine at a time. Others wait; checkers look at machines with few.</summary>
    internal int HostLaneCount { get; init; } = 64;

    internal void Validate()
    {
        RequireRange(VcpuCount, 1, MaxVcpuCount, nameof(VcpuCount));
        RequireRange(RunPermitCount, 0, MaxVcpuCount, nameof(RunPermitCount));
        RequireRange(TlbEntries, 16, 65_536, nameof(TlbEntries));
        RequireRange(FaultTimingInterval, 1, int.MaxValue, nameof(FaultTimingInterval));
        if (!int.IsPow2(TlbEntries))
        {
            throw new ArgumentOutOfRangeException(nameof(TlbEntries), TlbEntries, "The number of TLB entries must be a power of two.");
        }

        if (PageTableLimitBytes < 65_536)
        {
            throw new ArgumentOutOfRangeException(nameof(PageTableLimitBytes), PageTableLimitBytes, "Page tables need at least 65,536 bytes.");
        }

        RequireDefined(Format, nameof(Format));
        RequireDefined(Mmu, nameof(Mmu));
        RequireDefined(Lock, nameof(Lock));
    }

    private static void RequireRange(int value, int least, int most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must lie between {least} and {most}.");
        }
    }

    private static void RequireDefined<T>(T value, string name)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be one of {string.Join(", ", Enum.GetNames<T>())}.");
        }
    }
}
