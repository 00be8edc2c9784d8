using TdpMmu.Cli.Parsing;
using TdpMmu.Linux;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>The host memory of one run, with whoever brings its pages in. Made and given back outside the measured time.</summary>
// SAFETY: every pointer is inside the mapping that this object owns, and is not kept beyond a call.
internal sealed unsafe class GuestMemory : IDisposable
{
    private readonly UserfaultPager? _pager;

    /// <exception cref="CommandException">The machine refused memory, descriptors or userfaultfd.</exception>
    public GuestMemory(DemandPagingOptions options, CpuPlacement placement)
    {
        Source = new PatternPageSource();
        try
        {
            Memory = MappedMemory.Create(new MappedMemoryOptions
            {
                Length = options.GuestBytes,
                Backing = options.Source == HostPageSource.Minor ? MemoryBacking.SharedMemfd : MemoryBacking.Anonymous,
                TransparentHugePages = options.PageSize > LeafLimit.Page4K && !options.UsesUserfaultfd,
                Filling = FillingOf(options.Source),
                Source = options.Source is HostPageSource.Resident or HostPageSource.Anonymous ? null : Source,
                Populate = options.Source == HostPageSource.Resident || options.Backing == HostBacking.Touched,
            });
            if (options.Source == HostPageSource.Resident)
            {
                FillAll();
            }

            _pager = options.UsesUserfaultfd ? StartPager(options, placement) : null;
        }
        catch (HostMemoryException exception)
        {
            Memory?.Dispose();
            throw CommandException.MissingResource(exception.Message, exception);
        }
    }

    public MappedMemory Memory { get; }

    public PatternPageSource Source { get; }

    /// <summary>Why a handler gave up, or null.</summary>
    public Exception? HandlerFailure => _pager?.Failure;

    /// <summary>Managed bytes that the handler threads allocated after their first faults.</summary>
    public long HandlerAllocatedBytes => _pager?.GetStatistics().AllocatedBytes ?? 0;

    /// <summary>Loads a word of a page that is present.</summary>
    public ulong LoadWord(ulong page, ulong offset) => Volatile.Read(ref WordAt(page, offset));

    /// <summary>Stores a word into a page that is present.</summary>
    public void StoreWord(ulong page, ulong offset, ulong value) => Volatile.Write(ref WordAt(page, offset), value);

    /// <summary>Copies a page that is present.</summary>
    public void CopyPage(ulong page, Span<byte> destination) => PageBytes(page).CopyTo(destination);

    /// <summary>The bytes of a page. The caller knows that the page is present or that the kernel fills it by itself.</summary>
    public Span<byte> PageBytes(ulong page)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(page, Memory.Length / PageGeometry.PageSize);

        // SAFETY: the page lies inside the mapping, which lives until Dispose; runs have ended before that.
        return new Span<byte>((void*)(Memory.BaseAddress.Value + (page * PageGeometry.PageSize)), (int)PageGeometry.PageSize);
    }

    public void Dispose()
    {
        // The handlers go first: they write into the memory.
        _pager?.Dispose();
        Memory.Dispose();
    }

    private static PageFilling FillingOf(HostPageSource source) => source switch
    {
        HostPageSource.Missing or HostPageSource.Minor => PageFilling.Userfault,
        HostPageSource.Exit => PageFilling.FaultingThread,
        HostPageSource.Anonymous => PageFilling.HostFilled,
        HostPageSource.Resident => PageFilling.Resident,
        _ => throw new ArgumentOutOfRangeException(nameof(source), source, "Unknown source."),
    };

    private UserfaultPager StartPager(DemandPagingOptions options, CpuPlacement placement) => UserfaultPager.Start(Memory, new UserfaultPagerOptions
    {
        Mode = options.Source == HostPageSource.Minor ? UserfaultMode.Minor : UserfaultMode.Missing,
        Regions = options.Handlers == HandlerLayout.Shared ? 1 : options.Vcpus,
        SharedDescriptor = options.Handlers == HandlerLayout.Shared,
        CpuOfHandler = [.. Enumerable.Range(0, options.HandlerCount).Select(placement.CpuOf)],
        Source = Source,
    });

    private ref ulong WordAt(ulong page, ulong offset)
    {
        // SAFETY: callers pass pages below the memory's length and offsets of whole words in a page; the mapping outlives the run.
        return ref *(ulong*)(Memory.BaseAddress.Value + (page * PageGeometry.PageSize) + offset);
    }

    private void FillAll()
    {
        for (ulong page = 0; page < Memory.Length / PageGeometry.PageSize; page++)
        {
            PagePattern.Fill(page, PageBytes(page));
        }
    }
}
