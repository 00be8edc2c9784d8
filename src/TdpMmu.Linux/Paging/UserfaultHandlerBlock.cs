using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>
/// Native memory of one handler thread: the page that contents are fetched into, and counters that only this thread writes. Native and aligned, so
/// that two handlers never write the same cache line.
/// </summary>
// SAFETY: the block is allocated in the constructor, all accesses stay inside it, and the pager frees it after its thread has been joined.
internal sealed unsafe class UserfaultHandlerBlock : IDisposable
{
    private const nuint Size = 8192;
    private readonly Lock _gate = new();
    private byte* _block;
    private UserfaultPagerStatistics _last;

    internal UserfaultHandlerBlock()
    {
        _block = (byte*)NativeMemory.AlignedAlloc(Size, 4096);
        NativeMemory.Clear(_block, Size);
    }

    /// <summary>4096 bytes.</summary>
    internal byte* Staging => _block;

    /// <summary>For the handler's own thread.</summary>
    internal Counters* Own => (Counters*)(_block + 4096);

    /// <summary>A consistent enough copy for any thread, also after disposal.</summary>
    internal UserfaultPagerStatistics Read()
    {
        lock (_gate)
        {
            return _block == null ? _last : ReadCounters();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_block != null)
            {
                _last = ReadCounters();
                NativeMemory.AlignedFree(_block);
                _block = null;
            }
        }
    }

    private UserfaultPagerStatistics ReadCounters()
    {
        Counters* own = Own;
        long baseline = Volatile.Read(ref own->AllocatedBaseline);
        return new UserfaultPagerStatistics
        {
            Messages = Volatile.Read(ref own->Messages),
            Batches = Volatile.Read(ref own->Batches),
            PagesFilled = Volatile.Read(ref own->PagesFilled),
            PagesDropped = Volatile.Read(ref own->PagesDropped),
            PagesPoisoned = Volatile.Read(ref own->PagesPoisoned),
            AllocatedBytes = Volatile.Read(ref own->Allocated) - baseline,
        };
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Counters
    {
        internal long Messages;
        internal long Batches;
        internal long PagesFilled;
        internal long PagesDropped;
        internal long PagesPoisoned;
        internal long Allocated;
        internal long AllocatedBaseline;
    }
}
