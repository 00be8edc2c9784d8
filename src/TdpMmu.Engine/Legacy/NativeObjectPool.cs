using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Legacy;

/// <summary>Small structures of one size in native memory, with a cache per participant that is filled before the MMU's lock is taken.</summary>
/// <remarks>
/// Objects are taken and given back under the MMU's lock, so no reader can be left in one that comes back. Thread-safe; each
/// participant's cache is used by one thread at a time.
/// </remarks>
internal sealed unsafe class NativeObjectPool : IDisposable
{
    private const int CacheCapacity = 30;
    private const int RefillCount = 16;
    private const int CacheBytes = 2 * NativeBlock.LineBytes;
    private const int ChunkBytes = 64 * 1024;

    private readonly NativeBlock _caches;
    private readonly NativeBlock _shared = new(NativeBlock.LineBytes);
    private readonly ParkingLock _gate;
    private readonly int _participantCount;
    private readonly int _objectBytes;
    private readonly byte* _cacheBase;
    private nint _chunks;
    private nint _free;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="participantCount">Participants that have a cache.</param>
    /// <param name="objectBytes">The size of an object, a multiple of eight.</param>
    internal NativeObjectPool(int participantCount, int objectBytes)
    {
        _participantCount = participantCount;
        _objectBytes = objectBytes;
        _caches = new NativeBlock((nuint)participantCount * CacheBytes);
        _cacheBase = (byte*)_caches.Pointer;
        _gate = new ParkingLock(_shared.Int(0));
    }

    /// <summary>Objects that are taken. Exact when nothing runs.</summary>
    internal long InUse
    {
        get
        {
            var total = 0L;
            for (var participant = 0; participant < _participantCount; participant++)
            {
                total += Cache(participant)->InUse;
            }

            return total;
        }
    }

    /// <summary>Bytes of the objects that are taken.</summary>
    internal long InUseBytes => InUse * _objectBytes;

    /// <summary>Makes sure that the cache has so many objects, so that taking them allocates nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void TopUp(int participant, int needed)
    {
        var cache = Cache(participant);
        if (cache->Count < needed)
        {
            Refill(cache, Math.Max(needed, RefillCount));
        }
    }

    /// <summary>Takes an object, whose contents are undefined.</summary>
    internal nint Take(int participant)
    {
        var cache = Cache(participant);
        if (cache->Count == 0)
        {
            Refill(cache, RefillCount);
        }

        cache->InUse++;
        return (nint)cache->Objects[--cache->Count];
    }

    /// <summary>Takes an object back.</summary>
    internal void GiveBack(int participant, nint address)
    {
        var cache = Cache(participant);
        cache->InUse--;
        if (cache->Count < CacheCapacity)
        {
            cache->Objects[cache->Count++] = (ulong)address;
            return;
        }

        _gate.Enter();
        *(nint*)address = _free;
        _free = address;
        _gate.Exit();
    }

    public void Dispose()
    {
        while (_chunks != 0)
        {
            var chunk = _chunks;
            _chunks = *(nint*)chunk;
            NativeBlock.Free((void*)chunk, ChunkBytes);
        }

        _caches.Dispose();
        _shared.Dispose();
    }

    private void Refill(CacheLines* cache, int wanted)
    {
        _gate.Enter();
        try
        {
            while (cache->Count < wanted)
            {
                if (_free == 0)
                {
                    Grow();
                }

                cache->Objects[cache->Count++] = (ulong)_free;
                _free = *(nint*)_free;
            }
        }
        finally
        {
            _gate.Exit();
        }
    }

    // Called with the gate held. The place of a chunk's first object links the chunks.
    private void Grow()
    {
        var chunk = (nint)NativeBlock.Allocate(ChunkBytes, NativeBlock.LineBytes);
        *(nint*)chunk = _chunks;
        _chunks = chunk;
        for (var offset = _objectBytes; offset + _objectBytes <= ChunkBytes; offset += _objectBytes)
        {
            *(nint*)(chunk + offset) = _free;
            _free = chunk + offset;
        }
    }

    // SAFETY: one cache per participant, inside the block that lives as long as the pool; objects lie inside chunks of the pool, and
    // an object is either in one cache, in the free list, or with whoever took it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private CacheLines* Cache(int participant)
    {
        EngineChecks.Require((uint)participant < (uint)_participantCount, "participant indices are in range");
        return (CacheLines*)(_cacheBase + ((nint)participant * CacheBytes));
    }

    private struct CacheLines
    {
        internal long InUse;
        internal int Count;
        internal fixed ulong Objects[CacheCapacity];
    }
}
