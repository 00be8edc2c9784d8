namespace TdpMmu.Cli.DemandPaging;

/// <summary>What one invocation of the experiment runs. All combinations that are refused are refused before this exists.</summary>
internal sealed record DemandPagingOptions
{
    /// <summary>Most guest memory that an invocation may ask for: half of what a process can address.</summary>
    public const ulong MaximumGuestBytes = 1UL << 46;

    public const int MaximumVcpus = 4096;

    public required int Vcpus { get; init; }

    public required ulong MemoryPerVcpu { get; init; }

    public required IReadOnlyList<MmuChoice> Mmus { get; init; }

    public required LockPolicyKind Lock { get; init; }

    public required PagingFormatKind Format { get; init; }

    public required HostPageSource Source { get; init; }

    public required HandlerLayout Handlers { get; init; }

    public required FirstAccess Access { get; init; }

    public required TouchPattern Pattern { get; init; }

    public required LeafLimit PageSize { get; init; }

    public required HostBacking Backing { get; init; }

    public required int Repeat { get; init; }

    /// <summary>Bytes of guest memory in all. Validation keeps this below <see cref="MaximumGuestBytes"/>.</summary>
    public ulong GuestBytes => checked((ulong)Vcpus * MemoryPerVcpu);

    /// <summary>Pages of 4 KiB of guest memory in all.</summary>
    public ulong GuestPages => GuestBytes / PageGeometry.PageSize;

    public bool UsesUserfaultfd => Source is HostPageSource.Missing or HostPageSource.Minor;

    /// <summary>Handler threads, and descriptors, that a run needs.</summary>
    public int HandlerCount => !UsesUserfaultfd ? 0 : Handlers == HandlerLayout.Shared ? 1 : Vcpus;

    /// <summary>Whether a page holds the pattern of its number when the guest first sees it; the kernel's own pages hold zeros.</summary>
    public bool HasPattern => Source != HostPageSource.Anonymous;

    /// <summary>The pages that a vCPU touches, once each and in ascending order.</summary>
    public (ulong First, ulong Count) PagesOf(int vcpu)
    {
        if (Pattern == TouchPattern.Overlapping)
        {
            return (0, GuestPages);
        }

        ulong count = MemoryPerVcpu / PageGeometry.PageSize;
        return ((ulong)vcpu * count, count);
    }
}
