using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests;

/// <summary>One x86 processor's store buffer: stores become visible to others in order, but late.</summary>
internal sealed class StoreBuffer
{
    private readonly Queue<(nint Address, int Size, ulong Value)> _stores = new();

    internal bool IsEmpty => _stores.Count == 0;

    internal void Add(nint address, int size, ulong value) => _stores.Enqueue((address, size, value));

    internal void DrainOne()
    {
        var (address, size, value) = _stores.Dequeue();
        RawMemory.Store(address, size, value);
    }

    internal void DrainAll()
    {
        while (!IsEmpty)
        {
            DrainOne();
        }
    }

    /// <summary>
    /// What the owner's load sees: its own youngest store to the location, else memory. A load that overlaps a store of
    /// another extent waits until the store is in memory, as processors do when they cannot forward.
    /// </summary>
    internal ulong Load(nint address, int size)
    {
        ulong? forwarded = null;
        foreach (var (storeAddress, storeSize, value) in _stores)
        {
            if (storeAddress == address && storeSize == size)
            {
                forwarded = value;
            }
            else if (storeAddress < address + size && address < storeAddress + storeSize)
            {
                DrainAll();
                return RawMemory.Load(address, size);
            }
        }

        return forwarded ?? RawMemory.Load(address, size);
    }
}
