using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>One run's results, as JSON carries them and tables print them.</summary>
internal sealed record DemandPagingRunReport
{
    public required string Mmu { get; init; }

    public required string? Lock { get; init; }

    /// <summary>Null without an MMU.</summary>
    public required string? Format { get; init; }

    public required int Repeat { get; init; }

    public required int Vcpus { get; init; }

    public required ulong MemoryPerVcpuBytes { get; init; }

    public required string Source { get; init; }

    /// <summary>Null for sources without handlers.</summary>
    public required string? Handlers { get; init; }

    /// <summary>Why the run failed; null when it did not.</summary>
    public string? Error { get; init; }

    /// <summary>From the first worker's first page to the last worker's last one.</summary>
    public double? WallSeconds { get; init; }

    /// <summary>Distinct guest pages of 4 KiB.</summary>
    public required ulong Pages { get; init; }

    public double? PagesPerSecond { get; init; }

    public double? PagesPerSecondPerVcpu { get; init; }

    public ulong? Faults { get; init; }

    public ulong? Retries { get; init; }

    /// <summary>Shares of the vCPUs' summed time.</summary>
    public double? LockWaitFraction { get; init; }

    public double? HostWaitFraction { get; init; }

    public double? MmuFraction { get; init; }

    public ulong? TableBytes { get; init; }

    public ulong? MetadataBytes { get; init; }

    public ulong? PageStateBytes { get; init; }

    public required ulong GuestBytes { get; init; }

    public long? GcAllocatedBytes { get; init; }

    /// <summary>Every page and every word that the guest saw held what it must.</summary>
    public bool Verified { get; init; }

    public HistogramReport? FaultLatency { get; init; }

    public HistogramReport? FlushLatency { get; init; }

    public HistogramReport? InvalidationLatency { get; init; }
}
