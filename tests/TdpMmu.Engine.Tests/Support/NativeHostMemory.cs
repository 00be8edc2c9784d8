using System.Runtime.InteropServices;

namespace TdpMmu.Engine.Tests.Support;

/// <summary>
/// Host memory of the engine's own tests: a native allocation whose "host" is this class. What is discarded is filled with a
/// pattern that no guest ever writes, so that an access that comes too late is seen.
/// </summary>
internal sealed unsafe class NativeHostMemory : HostMemory
{
    /// <summary>The bytes of a page that the host has taken back.</summary>
    internal const byte PoisonByte = 0xdb;

    /// <summary>Eight of them.</summary>
    internal const ulong PoisonWord = 0xdbdb_dbdb_dbdb_dbdb;

    // From this size on the allocator maps fresh pages, which are zero.
    private const ulong FreshlyMapped = 64UL << 20;
    private static long s_live;

    private readonly byte* _allocation;
    private int _populateCalls;
    private int _discardCalls;

    private NativeHostMemory(byte* allocation, ulong skip, ulong length, PageFilling filling, IPageSource? source)
        : base(new Hva((ulong)allocation + skip), length, filling, source)
    {
        _allocation = allocation;

        // One page at a time, so that tests see each of them brought in.
        PopulateUnit = PageGeometry.PageSize;
        Interlocked.Increment(ref s_live);
    }

    /// <summary>Memories that are not disposed.</summary>
    internal static long Live => Volatile.Read(ref s_live);

    /// <summary>How often the host was asked for pages.</summary>
    internal int PopulateCalls => Volatile.Read(ref _populateCalls);

    /// <summary>How often pages were given back.</summary>
    internal int DiscardCalls => Volatile.Read(ref _discardCalls);

    /// <summary>Called before pages are brought in, with the page's number; what it throws is the host's refusal.</summary>
    internal Action<ulong>? Populating { get; set; }

    /// <summary>Allocates memory.</summary>
    /// <param name="pages">Its size in pages.</param>
    /// <param name="filling">Who brings in missing pages.</param>
    /// <param name="source">For <see cref="PageFilling.FaultingThread"/>.</param>
    /// <param name="alignment">The alignment of the allocation.</param>
    /// <param name="skipPages">Pages by which the memory begins behind the alignment.</param>
    internal static NativeHostMemory Create(
        ulong pages,
        PageFilling filling = PageFilling.Resident,
        IPageSource? source = null,
        ulong alignment = PageGeometry.Size2MiB,
        ulong skipPages = 0)
    {
        var bytes = (pages + skipPages) * PageGeometry.PageSize;
        var allocation = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, (nuint)alignment);
        if (bytes < FreshlyMapped)
        {
            NativeMemory.Clear(allocation, (nuint)bytes);
        }

        return new NativeHostMemory(allocation, skipPages * PageGeometry.PageSize, pages * PageGeometry.PageSize, filling, source);
    }

    public override void Populate(ulong offset, ulong length, bool write)
    {
        Interlocked.Increment(ref _populateCalls);
        Populating?.Invoke(offset / PageGeometry.PageSize);
        Bytes(offset, length).Clear();
    }

    public override void Discard(ulong offset, ulong length)
    {
        Interlocked.Increment(ref _discardCalls);
        Bytes(offset, length).Fill(PoisonByte);
    }

    /// <summary>The memory's bytes, past every protocol.</summary>
    internal Span<byte> Bytes(ulong offset, ulong length) => new((byte*)BaseAddress.Value + offset, checked((int)length));

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        NativeMemory.AlignedFree(_allocation);
        Interlocked.Decrement(ref s_live);
    }

    // SAFETY: the allocation lives until Dispose, which HostMemory refuses while a slot shows it; spans stay inside it.
}
