namespace TdpMmu.Linux;

/// <summary>How a <see cref="UserfaultPager"/> serves a memory.</summary>
public sealed class UserfaultPagerOptions
{
    /// <summary>Copy or continue.</summary>
    public UserfaultMode Mode { get; init; }

    /// <summary>
    /// Number of equal, disjoint, page-aligned slices of the memory, one per vCPU. Each has its own descriptor and its own handler thread, so that
    /// no wait queue is shared. From 1 to the number of pages.
    /// </summary>
    public int Regions { get; init; } = 1;

    /// <summary>One descriptor and one handler thread for the whole memory, whatever <see cref="Regions"/> says.</summary>
    public bool SharedDescriptor { get; init; }

    /// <summary>
    /// The CPU that each handler pins itself to, or -1 to leave that handler to the scheduler. Pin a handler where its vCPU runs: across CPUs each
    /// fault costs two wake-ups of an idle processor. By default the handlers go round the usable CPUs.
    /// </summary>
    public IReadOnlyList<int>? CpuOfHandler { get; init; }

    /// <summary>
    /// Where page contents come from; <see cref="HostMemory.Source"/> when it is <see langword="null"/>. Called on handler threads, several at a
    /// time. It must end soon after its token is cancelled, or <see cref="UserfaultPager.Dispose"/> waits for it.
    /// </summary>
    public IPageSource? Source { get; init; }

    /// <summary>Behaves as on a kernel without UFFDIO_POISON.</summary>
    internal bool WithoutPoison { get; init; }
}
