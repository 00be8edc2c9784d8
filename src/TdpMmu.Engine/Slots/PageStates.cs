using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu;

/// <summary>
/// Which pages of a piece of host memory are there: the only proof of presence in the engine.
/// </summary>
/// <remarks>
/// <para>Four bits a page: a <see cref="PageState"/> and a mark that somebody is parked for the page. Eight pages share a
/// 32-bit word, which is what waiters park on. For every 2 MiB of host addresses the pages that are present are counted,
/// and for every 1 GiB the full 2 MiB blocks, so that a fault can choose a large mapping without looking at each page.</para>
/// <para>Every change is a compare-and-swap of one word; a lost one is repeated from the value that was seen. A claim
/// (<see cref="TryClaim"/>) makes the caller the owner of the page's bytes until it publishes, abandons or poisons, and each of
/// these wakes whoever waits. A page that is discarded while it is in flight stays with its claimant as
/// <see cref="PageState.Cancelled"/>, so that a claim can never be mistaken for a later one of the same page.</para>
/// <para>Thread-safe. Pages are numbered from the start of the memory.</para>
/// </remarks>
public sealed unsafe class PageStates : IDisposable
{
    private const int BitsPerPage = 4;
    private const int PagesPerWord = 32 / BitsPerPage;
    private const uint StateMask = 7;
    private const uint WaiterBit = 8;
    private const uint AllPresent = 0x4444_4444;

    private readonly NativeBlock _words;
    private readonly NativeBlock _counts;
    private readonly uint* _wordBase;
    private readonly nuint _hugeCountsOffset;
    private readonly ulong _firstBlock;
    private readonly ulong _firstHugeBlock;
    private readonly ulong _pageInFirstBlock;

    /// <summary>Creates the states of a piece of memory.</summary>
    /// <param name="baseAddress">The memory's first byte, which decides how it falls into 2 MiB blocks.</param>
    /// <param name="pageCount">Pages of 4 KiB; more than 0.</param>
    /// <param name="present">Whether they are all present from the start.</param>
    internal PageStates(Hva baseAddress, ulong pageCount, bool present)
    {
        PageCount = pageCount;
        _firstBlock = baseAddress.Value / PageGeometry.Size2MiB;
        _firstHugeBlock = baseAddress.Value / PageGeometry.Size1GiB;
        _pageInFirstBlock = baseAddress.Frame.Value % PageGeometry.PagesPer2MiB;
        var last = baseAddress.Plus((pageCount * PageGeometry.PageSize) - 1);
        var blocks = (last.Value / PageGeometry.Size2MiB) - _firstBlock + 1;
        var hugeBlocks = (last.Value / PageGeometry.Size1GiB) - _firstHugeBlock + 1;
        _hugeCountsOffset = (nuint)(blocks * sizeof(uint));
        _words = new NativeBlock((nuint)((pageCount + PagesPerWord - 1) / PagesPerWord * sizeof(uint)));
        _wordBase = (uint*)_words.Pointer;
        _counts = new NativeBlock(_hugeCountsOffset + (nuint)(hugeBlocks * sizeof(uint)));
        if (present)
        {
            Fill(baseAddress, blocks);
        }
    }

    /// <summary>The number of pages.</summary>
    public ulong PageCount { get; }

    /// <summary>Bytes that the states take.</summary>
    public long Bytes => (long)(_words.Length + _counts.Length);

    /// <summary>The state of a page at this moment.</summary>
    /// <param name="page">The page's number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PageState Get(ulong page) => (PageState)((Atomics.LoadAcquire(Word(page)) >> Shift(page)) & StateMask);

    /// <summary>Whether the page is present at this moment.</summary>
    /// <param name="page">The page's number.</param>
    public bool IsPresent(ulong page) => Get(page) == PageState.Present;

    /// <summary>Notes that somebody is about to wait for a missing page.</summary>
    /// <param name="page">The page's number.</param>
    /// <returns>The state after the call.</returns>
    public PageState Request(ulong page)
    {
        while (true)
        {
            var state = Get(page);
            if (state != PageState.Missing || TryChange(page, PageState.Missing, PageState.Requested))
            {
                return state == PageState.Missing ? PageState.Requested : state;
            }
        }
    }

    /// <summary>Claims a missing or requested page: the caller owns its bytes until it publishes, abandons or poisons.</summary>
    /// <param name="page">The page's number.</param>
    /// <returns>False if the page is present, poisoned, or claimed by somebody else.</returns>
    public bool TryClaim(ulong page)
    {
        while (true)
        {
            var state = Get(page);
            if (state is not (PageState.Missing or PageState.Requested))
            {
                return false;
            }

            if (TryChange(page, state, PageState.InFlight))
            {
                return true;
            }
        }
    }

    /// <summary>Makes a claimed page present and wakes its waiters.</summary>
    /// <param name="page">A page that the caller claimed and has filled.</param>
    /// <returns>
    /// False if it was discarded meanwhile. The caller still owns it: it throws the bytes away and calls <see cref="Abandon"/>.
    /// </returns>
    public bool TryPublish(ulong page)
    {
        if (!TryChange(page, PageState.InFlight, PageState.Present))
        {
            return false;
        }

        CountPresent(page, 1);
        return true;
    }

    /// <summary>Gives a claim up: the page is missing again, and its waiters wake to try for themselves.</summary>
    /// <param name="page">A page that the caller claimed.</param>
    public void Abandon(ulong page)
    {
        if (!TryChange(page, PageState.InFlight, PageState.Missing))
        {
            _ = TryChange(page, PageState.Cancelled, PageState.Missing);
        }
    }

    /// <summary>Declares the contents of a page lost and wakes its waiters.</summary>
    /// <param name="page">
    /// A page that the caller claimed, or that nobody can claim. Another's claim must not be ended this way: its owner could not
    /// tell a later claim of the page from its own. <see cref="PoisonMissing()"/> leaves claims alone.
    /// </param>
    /// <returns>False if the page is present or was poisoned before.</returns>
    public bool Poison(ulong page)
    {
        while (true)
        {
            var state = Get(page);
            if (state is PageState.Present or PageState.Poisoned)
            {
                return false;
            }

            if (TryChange(page, state, PageState.Poisoned))
            {
                return true;
            }
        }
    }

    /// <summary>Poisons every page that nobody has claimed: their source is gone.</summary>
    public void PoisonMissing() => PoisonMissing(0, PageCount);

    /// <summary>Poisons every page of a range that nobody has claimed: their source is gone.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="count">The number of pages.</param>
    public void PoisonMissing(ulong first, ulong count)
    {
        CheckRange(first, count);
        for (var page = first; page < first + count; page++)
        {
            var state = Get(page);
            while (state is PageState.Missing or PageState.Requested && !TryChange(page, state, PageState.Poisoned))
            {
                state = Get(page);
            }
        }
    }

    /// <summary>Waits while a claimant has the page, or until waiters are called away to look again at what they wait for.</summary>
    /// <param name="page">The page's number.</param>
    /// <param name="timeoutNanoseconds">Relative limit, or <see cref="Atomics.NoTimeout"/>.</param>
    /// <returns>False when the time ran out.</returns>
    public bool WaitWhileInFlight(ulong page, long timeoutNanoseconds)
    {
        var deadline = timeoutNanoseconds < 0 ? long.MaxValue : Atomics.Now + timeoutNanoseconds;
        while (true)
        {
            var word = Word(page);
            var seen = Atomics.LoadAcquire(word);
            var state = (PageState)((seen >> Shift(page)) & StateMask);
            if (state is not (PageState.InFlight or PageState.Cancelled))
            {
                return true;
            }

            var marked = seen | (WaiterBit << Shift(page));
            if (marked != seen && Atomics.CompareExchange(word, marked, seen) != seen)
            {
                continue;
            }

            var remaining = Atomics.NoTimeout;
            if (timeoutNanoseconds >= 0)
            {
                remaining = deadline - Atomics.Now;
                if (remaining <= 0)
                {
                    return false;
                }
            }

            // A neighbour that changes the shared word ends the wait early, with the mark still there; the loop looks again. A
            // mark that is gone says that the claim ended, or that waiters were called away while it goes on.
            Atomics.Park(word, marked, remaining);
            if ((Atomics.LoadAcquire(word) & (WaiterBit << Shift(page))) == 0)
            {
                return true;
            }
        }
    }

    /// <summary>Makes pages of a range missing. Called inside an invalidation that covers them.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="count">The number of pages.</param>
    internal void Discard(ulong first, ulong count)
    {
        CheckRange(first, count);
        for (var page = first; page < first + count; page++)
        {
            DiscardPage(page);
        }
    }

    /// <summary>Wakes everybody who is parked for a page of the range, to look again at what they wait for.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="count">The number of pages.</param>
    internal void WakeAll(ulong first, ulong count)
    {
        CheckRange(first, count);
        for (var page = first; page < first + count; page += PagesPerWord - (page % PagesPerWord))
        {
            var word = Word(page);
            if ((Atomics.LoadAcquire(word) & 0x8888_8888) != 0)
            {
                Atomics.And(word, ~0x8888_8888u);
                Atomics.Wake(word, int.MaxValue);
            }
        }
    }

    /// <summary>Whether all 512 pages of the 2 MiB of host addresses around a page are present.</summary>
    /// <param name="page">Any of them.</param>
    internal bool IsBlockPresent(ulong page) => Atomics.LoadAcquire(BlockCount(page)) == PageGeometry.PagesPer2MiB;

    /// <summary>Whether all pages of the 1 GiB of host addresses around a page are present.</summary>
    /// <param name="page">Any of them.</param>
    internal bool IsHugeBlockPresent(ulong page) => Atomics.LoadAcquire(HugeBlockCount(page)) == PageGeometry.PagesPer2MiB;

    /// <summary>Whether nobody has asked for any page of a range but one.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="count">The number of pages.</param>
    /// <param name="except">The page that does not count.</param>
    internal bool AreOthersMissing(ulong first, ulong count, ulong except)
    {
        for (var page = first; page < first + count; page++)
        {
            if (page != except && Get(page) != PageState.Missing)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether all pages of a range are present.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="count">The number of pages; 2 MiB and 1 GiB that are aligned in host addresses are looked up by their counts.</param>
    internal bool IsRangePresent(ulong first, ulong count)
    {
        var inBlock = (first + _pageInFirstBlock) % PageGeometry.PagesPer2MiB;
        if (inBlock == 0 && count == PageGeometry.PagesPer2MiB)
        {
            return IsBlockPresent(first);
        }

        if (inBlock == 0 && count == PageGeometry.PagesPer2MiB * PageGeometry.PagesPer2MiB)
        {
            return IsHugeBlockPresent(first);
        }

        for (var page = first; page < first + count; page++)
        {
            if (!IsPresent(page))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _words.Dispose();
        _counts.Dispose();
    }

    private static int Shift(ulong page) => (int)(page % PagesPerWord) * BitsPerPage;

    // SAFETY: the page is checked against the number of pages, whose words lie inside the block; the block lives as long as the memory
    // that the states describe, which slots keep alive.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private AtomicInt Word(ulong page)
    {
        if (page >= PageCount)
        {
            ThrowNoPage(page);
        }

        return new AtomicInt(_wordBase + (page / PagesPerWord));
    }

    private AtomicInt BlockCount(ulong page) => _counts.Int((nuint)((page + _pageInFirstBlock) / PageGeometry.PagesPer2MiB * sizeof(uint)));

    private AtomicInt HugeBlockCount(ulong page)
    {
        var block = _firstBlock + ((page + _pageInFirstBlock) / PageGeometry.PagesPer2MiB);
        var hugeBlock = (block / PageGeometry.PagesPer2MiB) - _firstHugeBlock;
        return _counts.Int(_hugeCountsOffset + (nuint)(hugeBlock * sizeof(uint)));
    }

    [DoesNotReturn]
    private void ThrowNoPage(ulong page) =>
        throw new ArgumentOutOfRangeException(nameof(page), page, $"The memory has {PageCount} pages.");

    private void CheckRange(ulong first, ulong count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, PageCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, PageCount - first);
    }

    // Repeats while neighbours change the word; fails when this page is in another state than expected.
    private bool TryChange(ulong page, PageState from, PageState to)
    {
        var word = Word(page);
        var shift = Shift(page);
        var seen = Atomics.LoadRelaxed(word);
        while ((PageState)((seen >> shift) & StateMask) == from)
        {
            // Waiters stay marked while the page goes from claimant to claimant, and are woken by everything that ends a claim.
            var wake = to is not (PageState.InFlight or PageState.Requested or PageState.Cancelled) && (seen & (WaiterBit << shift)) != 0;
            var cleared = wake ? (StateMask | WaiterBit) << shift : StateMask << shift;
            var next = (seen & ~cleared) | ((uint)to << shift);

            // The exchange orders the claimant's stores to the page before its publication.
            var before = Atomics.CompareExchange(word, next, seen);
            if (before == seen)
            {
                if (wake)
                {
                    Atomics.Wake(word, int.MaxValue);
                }

                return true;
            }

            seen = before;
        }

        return false;
    }

    private void DiscardPage(ulong page)
    {
        while (true)
        {
            var state = Get(page);
            switch (state)
            {
                case PageState.Present when TryChange(page, PageState.Present, PageState.Missing):
                    CountPresent(page, -1);
                    return;
                case PageState.InFlight when TryChange(page, PageState.InFlight, PageState.Cancelled):
                case PageState.Poisoned when TryChange(page, PageState.Poisoned, PageState.Missing):
                case PageState.Missing:
                case PageState.Requested:
                case PageState.Cancelled:
                    return;
                default:
                    continue;
            }
        }
    }

    private void CountPresent(ulong page, int change)
    {
        const uint Full = (uint)PageGeometry.PagesPer2MiB;
        var count = Atomics.Add(BlockCount(page), unchecked((uint)change));
        if (change > 0 ? count == Full : count == Full - 1)
        {
            Atomics.Add(HugeBlockCount(page), unchecked((uint)change));
        }
    }

    private void Fill(Hva baseAddress, ulong blocks)
    {
        for (ulong page = 0; page < PageCount; page += PagesPerWord)
        {
            var left = PageCount - page;
            Atomics.StoreRelease(Word(page), left >= PagesPerWord ? AllPresent : AllPresent & ((1u << (int)(left * BitsPerPage)) - 1));
        }

        var first = baseAddress.Frame.Value;
        for (ulong block = 0; block < blocks; block++)
        {
            var start = Math.Max(first, (_firstBlock + block) * PageGeometry.PagesPer2MiB);
            var end = Math.Min(first + PageCount, (_firstBlock + block + 1) * PageGeometry.PagesPer2MiB);
            var page = start - first;
            Atomics.StoreRelease(BlockCount(page), (uint)(end - start));
            if (end - start == PageGeometry.PagesPer2MiB)
            {
                Atomics.Add(HugeBlockCount(page), 1);
            }
        }
    }
}
