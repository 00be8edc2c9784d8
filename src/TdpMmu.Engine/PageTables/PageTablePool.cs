using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.PageTables;

/// <summary>Where tables come from and go back to: native memory in chunks, with a cache per participant.</summary>
/// <remarks>
/// <para>A cache is filled before a section is entered, so that nothing allocates inside; taking from it cannot fail and
/// touches no line that another participant writes. Tables in the pool are all zero. A table that was linked comes back through
/// the epoch domain; one that never was comes back directly.</para>
/// <para>A participant whose cache is empty takes tables that others gave back, under a gate, or brings memory that only it takes from: the
/// more, the more tables it has in use, so that what lies idle is no more than what is used. It meets others at one counter then. Where
/// the limit is near, memory is brought for everybody.</para>
/// <para>Thread-safe; each participant's cache is used by one thread at a time.</para>
/// </remarks>
internal sealed unsafe class PageTablePool : IEpochReclaimer, IDisposable
{
    internal const int CacheCapacity = 24;
    private const int RefillCount = 8;
    private const int TablesPerChunk = 64;
    private const int CacheBytes = 2 * NativeBlock.LineBytes;
    private const nuint ReservedOffset = NativeBlock.LineBytes;
    private const nuint FreedOffset = 2 * NativeBlock.LineBytes;

    private readonly NativeBlock _caches;
    private readonly NativeBlock _shared;
    private readonly ParkingLock _gate;
    private readonly int _participantCount;
    private readonly long _limitTables;
    private readonly int _refillCount;
    private readonly byte* _cacheBase;
    private nint _free;
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
        _shared = new NativeBlock(3 * NativeBlock.LineBytes);
        _gate = new ParkingLock(_shared.Int(0));
    }

    private AtomicInt Grown => _shared.Int(64);

    // Tables that were reserved, whoever reserved them.
    private AtomicWord Reserved => _shared.Word(ReservedOffset);

    // Whether there are free tables, as far as that can be known without the gate. Written with the gate held.
    private AtomicWord HasFreed => _shared.Word(FreedOffset);

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

    /// <summary>Bytes taken from the operating system. Exact when nothing runs.</summary>
    internal long ReservedBytes
    {
        get
        {
            var tables = (long)Atomics.LoadRelaxed(Reserved);
            for (var participant = 0; participant < _participantCount; participant++)
            {
                tables -= Cache(participant)->Budget;
            }

            return tables * (long)PageGeometry.PageSize;
        }
    }

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

    /// <summary>Gives all tables of a cache to everybody, and what it may still bring.</summary>
    internal void Empty(int participant)
    {
        var cache = Cache(participant);
        if (cache->Budget != 0)
        {
            Atomics.Add(Reserved, (ulong)-(long)cache->Budget);
            cache->Budget = 0;
        }

        if (cache->Count + cache->FreshCount == 0)
        {
            return;
        }

        _gate.Enter();
        while (cache->Count > 0)
        {
            Free((nint)cache->Tables[--cache->Count]);
        }

        for (; cache->FreshCount > 0; cache->FreshCount--)
        {
            Free(cache->NextFresh());
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
        var reserved = 0L;
        for (var participant = 0; participant < _participantCount; participant++)
        {
            var cache = Cache(participant);
            reserved += cache->Budget;
            while (cache->Chunks is not null and var chunk)
            {
                reserved += chunk->Tables;
                cache->Chunks = chunk->Next;
                NativeBlock.Free((void*)chunk->Address, (nuint)chunk->Tables * (nuint)PageGeometry.PageSize);
                NativeBlock.Free(chunk, (nuint)sizeof(Chunk));
            }
        }

        EngineChecks.Require(reserved == (long)Atomics.LoadRelaxed(Reserved), "every table is reserved once");
        _caches.Dispose();
        _shared.Dispose();
    }

    private bool Refill(CacheLines* cache, int needed)
    {
        var wanted = Math.Max(needed, _refillCount);
        TakeFresh(cache, wanted);
        if (cache->Count < needed && Atomics.LoadRelaxed(HasFreed) != 0)
        {
            // Who reads an old zero brings memory although there are free tables, and finds them the next time.
            TakeFreed(cache, wanted);
        }

        while (cache->Count < needed)
        {
            if (TryGrowAlone(cache))
            {
                TakeFresh(cache, wanted);
            }
            else if (TryGrow(cache))
            {
                TakeFreed(cache, wanted);
            }
            else
            {
                return false;
            }
        }

        return true;
    }

    // From the memory that the participant brought for itself.
    private static void TakeFresh(CacheLines* cache, int wanted)
    {
        for (; cache->Count < wanted && cache->FreshCount > 0; cache->FreshCount--)
        {
            cache->Tables[cache->Count++] = (ulong)cache->NextFresh();
        }
    }

    // From what everybody may take.
    private void TakeFreed(CacheLines* cache, int wanted)
    {
        _gate.Enter();
        while (cache->Count < wanted && _free != 0)
        {
            var table = _free;
            _free = *(nint*)table;
            *(nint*)table = 0;
            cache->Tables[cache->Count++] = (ulong)table;
        }

        if (_free == 0 && Atomics.LoadRelaxed(HasFreed) != 0)
        {
            Atomics.StoreRelaxed(HasFreed, 0);
        }

        _gate.Exit();
    }

    // Called with the gate held.
    private void Free(nint table)
    {
        *(nint*)table = _free;
        _free = table;
        if (Atomics.LoadRelaxed(HasFreed) == 0)
        {
            Atomics.StoreRelaxed(HasFreed, 1);
        }
    }

    // As many tables as the participant has in use, while all participants together could have twice as many of what is left.
    private bool TryGrowAlone(CacheLines* cache)
    {
        if (_refillCount == 0)
        {
            return false;
        }

        var count = (int)Math.Clamp(cache->InUse, RefillCount, TablesPerChunk);
        if (cache->Budget < count)
        {
            // A whole chunk's worth, of which the first growths take little, so that the counter is met once in so many tables.
            var part = 2 * _participantCount;
            cache->Budget += Reserve(TablesPerChunk, part, TablesPerChunk) is var budget and > 0 ? budget : Reserve(count, part, RefillCount);
            count = Math.Min(count, cache->Budget);
        }

        if (count < RefillCount)
        {
            return false;
        }

        cache->Fresh = AllocateChunk(cache, count);
        cache->FreshCount = count;
        cache->Budget -= count;
        return true;
    }

    // Reserves some tables: at most the given part of those that are left, and none if that would be fewer than the least.
    private int Reserve(int wanted, int part, int least)
    {
        var reserved = Atomics.LoadRelaxed(Reserved);
        while (true)
        {
            var count = (int)Math.Min(wanted, (_limitTables - (long)reserved) / part);
            if (count < least)
            {
                return 0;
            }

            var seen = Atomics.CompareExchange(Reserved, reserved + (ulong)count, reserved);
            if (seen == reserved)
            {
                return count;
            }

            // Another participant has reserved tables: fewer are left.
            reserved = seen;
        }
    }

    // Brings memory for everybody: allocated and cleared outside the gate, which takes longer than all that is done inside it together.
    private bool TryGrow(CacheLines* cache)
    {
        _gate.Enter();
        var count = Reserve(TablesPerChunk, part: 1, least: 1);
        if (count == 0)
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

        _growing++;
        _gate.Exit();
        nint chunk = 0;
        try
        {
            chunk = AllocateChunk(cache, count);
        }
        finally
        {
            if (chunk == 0)
            {
                Atomics.Add(Reserved, (ulong)-count);
            }

            _gate.Enter();
            _growing--;
            for (var index = chunk == 0 ? -1 : count - 1; index >= 0; index--)
            {
                Free(chunk + (index * (nint)PageGeometry.PageSize));
            }

            _gate.Exit();
            Atomics.Add(Grown, 1);
            Atomics.Wake(Grown, int.MaxValue);
        }

        return true;
    }

    // The participant remembers what is to be freed in the end.
    private static nint AllocateChunk(CacheLines* cache, int count)
    {
        var chunk = (Chunk*)NativeBlock.Allocate((nuint)sizeof(Chunk), NativeBlock.LineBytes);
        try
        {
            chunk->Address = (nint)NativeBlock.Allocate((nuint)count * (nuint)PageGeometry.PageSize, (nuint)PageGeometry.PageSize);
        }
        catch (OutOfMemoryException)
        {
            NativeBlock.Free(chunk, (nuint)sizeof(Chunk));
            throw;
        }

        Atomics.Quarantine(new AtomicBytes(chunk->Address), (nuint)count * (nuint)PageGeometry.PageSize);
        chunk->Tables = count;
        chunk->Next = cache->Chunks;
        cache->Chunks = chunk;
        return chunk->Address;
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

        /// <summary>Tables from <see cref="Fresh"/> on that nobody has used yet.</summary>
        internal int FreshCount;

        /// <summary>Tables that are reserved and not allocated.</summary>
        internal int Budget;
        internal nint Fresh;
        internal Chunk* Chunks;
        internal fixed ulong Tables[CacheCapacity];

        internal nint NextFresh()
        {
            var table = Fresh;
            Fresh += (nint)PageGeometry.PageSize;
            return table;
        }
    }

    private struct Chunk
    {
        internal Chunk* Next;
        internal nint Address;
        internal long Tables;
    }
}
