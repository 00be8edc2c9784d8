using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>
/// Guest memory of a checked machine: pages at addresses that are the same in every execution. What the host takes back is in quarantine until
/// the host gives it again, so that whoever still uses it is found.
/// </summary>
internal sealed class CheckedMemory : HostMemory
{
    private readonly PageContents _contents;

    /// <summary>Creates the memory.</summary>
    /// <param name="execution">Where the pages come from.</param>
    /// <param name="pages">Their number.</param>
    /// <param name="filling">Who brings missing pages in.</param>
    internal CheckedMemory(Execution execution, int pages, PageFilling filling)
        : this(Allocate(execution, pages), pages, filling)
    {
    }

    private CheckedMemory(Hva start, int pages, PageFilling filling)
        : this(start, pages, filling, new PageContents(start))
    {
    }

    private CheckedMemory(Hva start, int pages, PageFilling filling, PageContents contents)
        : base(start, (ulong)pages * PageGeometry.PageSize, filling, filling == PageFilling.FaultingThread ? contents : null)
    {
        _contents = contents;
        PopulateUnit = PageGeometry.PageSize;

        // Not populated before it is fetched: the contents would be there before the source has given them.
        IsBacked = true;
    }

    /// <summary>The first word of a page, where guests and checks read and write.</summary>
    internal nint WordOf(ulong page) => _contents.WordOf(page);

    public override void Populate(ulong offset, ulong length, bool write)
    {
        for (var page = offset / PageGeometry.PageSize; page < (offset + length) / PageGeometry.PageSize; page++)
        {
            _contents.Give(page);
        }
    }

    protected internal override void Discard(ulong offset, ulong length)
    {
        for (var page = offset / PageGeometry.PageSize; page < (offset + length) / PageGeometry.PageSize; page++)
        {
            // Who has claimed the page owns its bytes, also while the host drops them. Only a page that is present has no owner, and
            // only a discard ends that: nobody can claim it in between.
            if (States.IsPresent(page))
            {
                _contents.Take(page);
            }
        }
    }

    private static Hva Allocate(Execution execution, int pages)
    {
        var start = execution.Allocate((nuint)pages * (nuint)PageGeometry.PageSize, (nuint)PageGeometry.PageSize * 4);
        for (var page = 0; page < pages; page++)
        {
            execution.Label(start + (page * (nint)PageGeometry.PageSize), (nint)PageGeometry.PageSize, $"guest page {page}");
        }

        return new Hva((ulong)start);
    }

    /// <summary>The host and the source of the pages: what is given has a value that says which page it is.</summary>
    private sealed class PageContents(Hva start) : IPageSource
    {
        public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => Give(pageIndex);

        internal unsafe nint WordOf(ulong page) => (nint)(start.Value + (page * PageGeometry.PageSize));

        // SAFETY: the pages are the execution's, which outlives every use in it.
        internal unsafe void Give(ulong page)
        {
            Atomics.Readmit(new AtomicBytes(WordOf(page)), sizeof(ulong));
            Atomics.StoreData(new AtomicBytes(WordOf(page)), CheckedMachine.FreshValue(page));
        }

        internal void Take(ulong page) => Atomics.Quarantine(new AtomicBytes(WordOf(page)), sizeof(ulong));
    }
}
