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

    internal Entry Oldest => _entries[_first];

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

    /// <summary>How many stores to an address have not reached memory, of those that were made before a step of the owner.</summary>
    internal int CountAt(nint address, int madeBefore)
    {
        var count = 0;
        foreach (ref readonly var entry in CollectionsMarshal.AsSpan(_entries)[_first..])
        {
            count += entry.Address == address && entry.LastEvent < madeBefore ? 1 : 0;
        }

        return count;
    }

    /// <summary>What the owner sees: memory, with its own stores laid over it in their order.</summary>
    /// <param name="address">The address.</param>
    /// <param name="size">1, 2, 4 or 8 bytes.</param>
    /// <param name="madeBefore">Only stores that were made before this step of the owner count.</param>
    internal ulong Load(nint address, int size, int madeBefore = int.MaxValue)
    {
        var value = RawMemory.Load(address, size);
        foreach (ref readonly var entry in CollectionsMarshal.AsSpan(_entries)[_first..])
        {
            value = entry.LastEvent < madeBefore ? Overlay(value, address, size, entry) : value;
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
