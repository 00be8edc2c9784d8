using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>A thread's stores that are not in memory yet, oldest first.</summary>
internal sealed class StoreBuffer
{
    // Those before the first are in memory; the list starts over when it is empty.
    private readonly List<Entry> _entries = [];
    private int _first;

    internal bool IsEmpty => _entries.Count == 0;

    internal int Count => _entries.Count - _first;

    internal Entry Oldest => this[0];

    /// <summary>The stores, oldest first.</summary>
    internal Entry this[int index] => _entries[_first + index];

    internal void Add(nint address, int size, ulong value, int lastEvent) => _entries.Add(new Entry(address, size, value, lastEvent));

    internal void RemoveOldest()
    {
        if (++_first == _entries.Count)
        {
            Clear();
        }
    }

    internal void Clear()
    {
        _entries.Clear();
        _first = 0;
    }

    /// <summary>What the owner sees: memory, with its own stores laid over it in their order.</summary>
    internal ulong Load(nint address, int size)
    {
        var value = RawMemory.Load(address, size);
        foreach (ref readonly var entry in CollectionsMarshal.AsSpan(_entries)[_first..])
        {
            value = Overlay(value, address, size, entry);
        }

        return value;
    }

    private static ulong Overlay(ulong value, nint address, int size, Entry entry)
    {
        if (entry.Address >= address + size || address >= entry.Address + entry.Size)
        {
            return value;
        }

        for (var index = 0; index < size; index++)
        {
            var offset = address + index - entry.Address;
            if (offset >= 0 && offset < entry.Size)
            {
                var shift = index * 8;
                value = (value & ~(0xffUL << shift)) | (((entry.Value >> (int)(offset * 8)) & 0xff) << shift);
            }
        }

        return value;
    }

    /// <param name="Address">Where the store goes.</param>
    /// <param name="Size">Its size in bytes.</param>
    /// <param name="Value">What is stored.</param>
    /// <param name="LastEvent">The owner's last event when it stored: what happens before the store reaches memory.</param>
    internal readonly record struct Entry(nint Address, int Size, ulong Value, int LastEvent);
}
