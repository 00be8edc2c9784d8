namespace TdpMmu;

/// <summary>
/// A contiguous piece of the process's memory that can be given to a guest, and what is known about the presence of its pages.
/// </summary>
/// <remarks>
/// Thread-safe, except that disposing must come after every slot over the memory was deleted. The states belong to the memory,
/// so that slots that show the same memory at several guest addresses agree about it.
/// </remarks>
public abstract class HostMemory : IDisposable
{
    /// <summary>Describes the memory.</summary>
    /// <param name="baseAddress">Its first byte; a multiple of 4 KiB.</param>
    /// <param name="length">Its size in bytes; a multiple of 4 KiB, more than 0.</param>
    /// <param name="filling">Who brings in missing pages.</param>
    /// <param name="source">Where contents come from; needed for <see cref="PageFilling.FaultingThread"/>.</param>
    protected HostMemory(Hva baseAddress, ulong length, PageFilling filling, IPageSource? source)
    {
        if (!baseAddress.IsAligned(PageGeometry.PageSize) || length % PageGeometry.PageSize != 0 || length == 0)
        {
            throw new ArgumentException($"Host memory at {baseAddress} with {length} bytes is not made of whole pages of {PageGeometry.PageSize} bytes.");
        }

        if (filling == PageFilling.FaultingThread && source is null)
        {
            throw new ArgumentNullException(nameof(source), "Memory that the faulting thread fills needs a page source.");
        }

        BaseAddress = baseAddress;
        Length = length;
        Filling = filling;
        Source = source;
        States = new PageStates(baseAddress, length / PageGeometry.PageSize, filling == PageFilling.Resident);
    }

    /// <summary>The first byte.</summary>
    public Hva BaseAddress { get; }

    /// <summary>The size in bytes.</summary>
    public ulong Length { get; }

    /// <summary>Who brings in missing pages.</summary>
    public PageFilling Filling { get; }

    /// <summary>
    /// Bytes that the host is asked for at a time, aligned, where it is asked by the faulting thread: a power of two from 4 KiB to 256 KiB.
    /// 64 KiB by default, which takes a third of the time per page that single pages take.
    /// </summary>
    public ulong PopulateUnit
    {
        get;
        init => field = value is >= PageGeometry.PageSize and <= 262_144 && ulong.IsPow2(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "The unit is a power of two from 4,096 to 262,144 bytes.");
    } = 65_536;

    /// <summary>Where the contents of missing pages come from, if the memory has a source.</summary>
    public IPageSource? Source { get; }

    /// <summary>Which pages are present.</summary>
    public PageStates States { get; }

    /// <summary>
    /// Whether the host is known to back all of the memory, so that a faulting thread need not ask it. A hint: a wrong one costs time only.
    /// </summary>
    protected internal bool IsBacked { get; protected set; }

    /// <summary>Slots that show this memory; it cannot be disposed before they are gone.</summary>
    internal int SlotCount { get; set; }

    /// <summary>Whether the memory is gone.</summary>
    internal bool IsDisposed { get; private set; }

    /// <summary>
    /// Has the host bring pages in, and waits for it. Implementations block in a system call that lets the garbage collector
    /// run, never by touching the pages.
    /// </summary>
    /// <param name="offset">The first byte; a multiple of 4 KiB.</param>
    /// <param name="length">The number of bytes; a multiple of 4 KiB.</param>
    /// <param name="write">Whether the pages are going to be written.</param>
    /// <exception cref="HostMemoryException">The host refused.</exception>
    public abstract void Populate(ulong offset, ulong length, bool write);

    /// <summary>Gives the pages' memory back to the host; their contents are lost. Called inside an invalidation.</summary>
    /// <param name="offset">The first byte; a multiple of 4 KiB.</param>
    /// <param name="length">The number of bytes; a multiple of 4 KiB.</param>
    /// <exception cref="HostMemoryException">The host refused.</exception>
    public abstract void Discard(ulong offset, ulong length);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (SlotCount != 0)
        {
            throw new InvalidOperationException($"Host memory is still shown by {SlotCount} slot(s); delete them first.");
        }

        IsDisposed = true;
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the memory holds.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            States.Dispose();
        }
    }
}
