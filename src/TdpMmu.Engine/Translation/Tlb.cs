using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Translation;

/// <summary>
/// A vCPU's translation look-aside buffer: direct-mapped, 4 KiB pages, native memory that only the vCPU's thread touches.
/// </summary>
internal sealed unsafe class Tlb : IDisposable
{
    // No page has this address, because it is not page-aligned.
    private const ulong Invalid = ulong.MaxValue;

    private readonly NativeBlock _block;
    private readonly Entry* _entries;
    private readonly ulong _mask;

    /// <summary>Creates an empty TLB.</summary>
    /// <param name="entries">A power of two.</param>
    internal Tlb(int entries)
    {
        _block = new NativeBlock((nuint)entries * (nuint)sizeof(Entry));
        _entries = (Entry*)_block.Pointer;
        _mask = (ulong)entries - 1;
        Clear();
    }

    /// <summary>The entry where a page's translation would be.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Entry* Find(Gpa address) => _entries + ((address.Value >> PageGeometry.PageShift) & _mask);

    /// <summary>Remembers a translation.</summary>
    internal void Fill(Gfn frame, Pfn host, GuestAccess permitted)
    {
        var page = frame.Value << PageGeometry.PageShift;
        var entry = _entries + (frame.Value & _mask);
        entry->ReadPage = (permitted & GuestAccess.Read) != 0 ? page : Invalid;
        entry->WritePage = (permitted & GuestAccess.Write) != 0 ? page : Invalid;
        entry->ExecutePage = (permitted & GuestAccess.Execute) != 0 ? page : Invalid;
        entry->HostPage = (nint)host.Address.Value;
    }

    /// <summary>Forgets everything.</summary>
    internal void Clear()
    {
        for (var index = 0UL; index <= _mask; index++)
        {
            _entries[index] = new Entry { ReadPage = Invalid, WritePage = Invalid, ExecutePage = Invalid };
        }
    }

    public void Dispose() => _block.Dispose();

    /// <summary>One translation: for each kind of access the guest page for which it is valid, and the host page.</summary>
    internal struct Entry
    {
        internal ulong ReadPage;
        internal ulong WritePage;
        internal ulong ExecutePage;
        internal nint HostPage;
    }

    // SAFETY: entries lie inside the block; the index is masked; the vCPU's thread is the only one to touch them.
}
