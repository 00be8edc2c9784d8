using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.PageTables;

/// <summary>Where tables come from and go back to: native memory in chunks, with a cache per participant.</summary>
/// <remarks>
/// <para>A cache is filled before a section is entered, so that nothing allocates inside; taking from it cannot fail and
/// touches no line that another participant writes. Tables in the pool are all zero. A table that was linked comes back through
/// the epoch domain; one that never was comes back directly.</para>
/// <para>Thread-safe; each participant's cache is used by one thread at a time.</para>
/// </remarks>
internal sealed unsafe class PageTablePool : IEpochReclaimer, IDisposable
{
    internal const int CacheCapacity = 24;
    private const int RefillCount = 8;
    private const int TablesPerChunk = 64;
    private const int CacheBytes = 2 * NativeBlock.LineBytes;

    private readonly NativeBlock _caches;
    private readonly NativeBlock _shared;
    private readonly ParkingLock _gate;
    private readonly int _participantCount;
    private readonly long _limitTables;
    private readonly int _refillCount;
    private readonly byte* _cacheBase;
    private RetireQueue _chunks;
    private nint _free;
    private long _reserved;
    private int _growing;

    /// <summary>Creates an empty pool.</summary>
    /// <param name="participantCount">Participants that have a cache.</param>
    /// <param name="limitBytes">The most memory that tables may take.</param>
    internal PageTablePool(int participantCount, ulong limitBytes)
    {
        _participantCount = participantCount;
        _limitTables = (long)Math.Min(limitBytes / PageGeometry.PageSize, long.MaxValue / 2);

        // Where the limit is near, no cache takes more than it needs: what lies in one is lost to the others.
        _refillCount = _limitTables / participantCount >= CacheCapacity ? RefillCount : 0;
        _caches = new NativeBlock((nuint)(participantCount * CacheBytes));
        _cacheBase = (byte*)_caches.Pointer;
        _shared = new NativeBlock(NativeBlock.LineBytes);
        _gate = new ParkingLock(_shared.Int(0));
    }

    private AtomicInt Grown => _shared.Int(64);

    /// <summary>Tables that are linked or on their way back. Exact when nothing runs.</summary>
    internal long TablesInUse
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

    /// <summary>Bytes taken from the operating system.</summary>
    internal long ReservedBytes => _reserved * (long)PageGeometry.PageSize;

    /// <summary>The limit in bytes.</summary>
    internal long LimitBytes => _limitTables * (long)PageGeometry.PageSize;

    /// <summary>Makes sure that the cache has so many tables. Called outside sections.</summary>
    /// <returns>False when the limit does not allow it.</returns>
    internal bool TryTopUp(int participant, int needed)
    {
        var cache = Cache(participant);
        return cache->Count >= needed || Refill(cache, needed);
    }

    /// <summary>Whether the cache has a table.</summary>
    internal bool HasCached(int participant) => Cache(participant)->Count > 0;

    /// <summary>Takes a zeroed table from the cache, which was topped up before.</summary>
    internal PageTable Take(int participant)
    {
        var cache = Cache(participant);
        if (cache->Count <= 0)
        {
            throw new InvariantViolationException("A table is taken only after the cache was topped up.");
        }

        cache->InUse++;
        var table = new PageTable((nint)cache->Tables[--cache->Count]);
        Atomics.Readmit(table.Memory, (nuint)PageGeometry.PageSize);
        return table;
    }

    /// <summary>Returns a table that was never linked and is all zero again.</summary>
    internal void GiveBack(int participant, PageTable table)
    {
        Atomics.Quarantine(table.Memory, (nuint)PageGeometry.PageSize);
        var cache = Cache(participant);
        cache->InUse--;
        if (cache->Count < CacheCapacity)
        {
            cache->Tables[cache->Count++] = (ulong)table.Address;
            return;
        }

        _gate.Enter();
        Free(table.Address);
        _gate.Exit();
    }

    /// <summary>Gives all tables of a cache to everybody.</summary>
    internal void Empty(int participant)
    {
        var cache = Cache(participant);
        if (cache->Count == 0)
        {
            return;
        }

        _gate.Enter();
        while (cache->Count > 0)
        {
            Free((nint)cache->Tables[--cache->Count]);
        }

        _gate.Exit();
    }

    /// <summary>Takes a table back whose grace period has passed.</summary>
    public void Reclaim(int participant, nint address, int kind)
    {
        // SAFETY: flush and grace period have passed, so that neither a walker nor a section can reach the table.
        NativeMemory.Clear((void*)address, (nuint)PageGeometry.PageSize);
        GiveBack(participant, new PageTable(address));
    }

    public void Dispose()
    {
        while (_chunks.Count != 0)
        {
            var chunk = _chunks.Dequeue();
            NativeBlock.Free((void*)chunk.Address, (nuint)chunk.Kind * (nuint)PageGeometry.PageSize);
        }

        _chunks.Free();
        _caches.Dispose();
        _shared.Dispose();
    }

    private bool Refill(CacheLines* cache, int needed)
    {
        var wanted = Math.Max(needed, _refillCount);
        do
        {
            _gate.Enter();
            while (cache->Count < wanted && _free != 0)
            {
                var table = _free;
                _free = *(nint*)table;
                *(nint*)table = 0;
                cache->Tables[cache->Count++] = (ulong)table;
            }

            _gate.Exit();
        }
        while (cache->Count < wanted && TryGrow());

        return cache->Count >= needed;
    }

    // Called with the gate held.
    private void Free(nint table)
    {
        *(nint*)table = _free;
        _free = table;
    }

    // The memory is allocated and cleared outside the gate, which takes longer than all that is done inside it together.
    private bool TryGrow()
    {
        _gate.Enter();
        var count = (int)Math.Min(TablesPerChunk, _limitTables - _reserved);
        if (count <= 0)
        {
            // The last tables may have come since the caller looked, or be on their way: whoever brings them changes the signal after
            // leaving the gate.
            var hasFree = _free != 0;
            var growing = _growing > 0;
            var signal = Atomics.LoadRelaxed(Grown);
            _gate.Exit();
            if (growing && !hasFree)
            {
                Atomics.Park(Grown, signal);
            }

            return growing || hasFree;
        }

        _reserved += count;
        _growing++;
        _gate.Exit();
        nint chunk = 0;
        try
        {
            chunk = (nint)NativeBlock.Allocate((nuint)count * (nuint)PageGeometry.PageSize, (nuint)PageGeometry.PageSize);
            Atomics.Quarantine(new AtomicBytes(chunk), (nuint)count * (nuint)PageGeometry.PageSize);
        }
        finally
        {
            AddChunk(chunk, count);
        }

        return true;
    }

    // Ends a growth, with a chunk or without one.
    private void AddChunk(nint chunk, int count)
    {
        _gate.Enter();
        _growing--;
        if (chunk == 0)
        {
            _reserved -= count;
        }
        else
        {
            _chunks.Enqueue(new RetireQueue.Item { Address = chunk, Kind = count });
            for (var index = count - 1; index >= 0; index--)
            {
                Free(chunk + (index * (nint)PageGeometry.PageSize));
            }
        }

        _gate.Exit();
        Atomics.Add(Grown, 1);
        Atomics.Wake(Grown, int.MaxValue);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    // SAFETY: one cache per participant, inside the block that lives as long as the pool.
    private CacheLines* Cache(int participant)
    {
        EngineChecks.Require((uint)participant < (uint)_participantCount, "participant indices are in range");
        return (CacheLines*)(_cacheBase + ((nint)participant * CacheBytes));
    }

    private struct CacheLines
    {
        internal long InUse;
        internal int Count;
        internal fixed ulong Tables[CacheCapacity];
    }
}
