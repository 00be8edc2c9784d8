using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>
/// The other side of a migration: a copy of each page, renewed when the dirty log names the page. At the end, pages that the log does not
/// name must be as they were copied.
/// </summary>
internal sealed class DirtyCopies(CheckedMemory memory)
{
    private const int Pages = 8;

    private readonly ulong[] _copies = new ulong[Pages];
    private ulong _forgotten;
    private ulong _owed;
    private ulong _named;
    private bool _isTaken;

    /// <summary>Whether the log is on and copies are kept.</summary>
    internal bool AreKept { get; private set; }

    /// <summary>The log was started: what is there now counts as copied.</summary>
    /// <param name="written">A bit for each page that somebody may write meanwhile; the others are as they are.</param>
    /// <param name="read">As in <see cref="CopyTaken"/>.</param>
    internal void Restart(ulong written, Func<ulong, ulong> read)
    {
        AreKept = true;
        _named = ulong.MaxValue;
        for (var page = 0; page < Pages; page++)
        {
            _copies[page] = (written & (1UL << page)) != 0 ? read((ulong)page) : Content(page);
        }
    }

    internal void Stop() => AreKept = false;

    /// <summary>Notes pages that were written before the scenario begins: who takes the log first is to find them in it.</summary>
    internal void Owe(ulong pages)
    {
        _owed = pages;
        _named = 0;
    }

    /// <summary>Checks that pages which were written before the log was taken were named then, and not only in the next log.</summary>
    internal void CheckOwed()
    {
        if (_isTaken && (_owed & ~_named) != 0)
        {
            throw new FindingException($"Pages 0x{_owed & ~_named:x} (a bit for each) were written before the dirty log was taken, and it does not name them (I29).");
        }
    }

    /// <summary>The log was taken: copies the pages that it names.</summary>
    /// <param name="named">A bit for each page.</param>
    /// <param name="read">
    /// Reads a page as a migration does, through the machine: what reads memory behind the explorer's back is in no order with writes.
    /// </param>
    internal void CopyTaken(ulong named, Func<ulong, ulong> read)
    {
        _isTaken = true;
        _named |= named;
        for (var page = 0; page < Pages; page++)
        {
            if ((named & (1UL << page)) != 0)
            {
                _copies[page] = read((ulong)page);
            }
        }
    }

    /// <summary>The host changes a page itself, and knows that it does: what a log of guests' writes says about it is of no interest.</summary>
    internal void Forget(ulong page) => _forgotten |= 1UL << (int)page;

    /// <summary>Checks that the last log names every page that differs from its copy.</summary>
    internal void Check(ulong named)
    {
        for (var page = 0; page < Pages; page++)
        {
            if (((named | _forgotten) & (1UL << page)) == 0 && _copies[page] != Content(page))
            {
                throw new FindingException(
                    $"Lost write: page {page} holds 0x{Content(page):x}, its copy 0x{_copies[page]:x}, and the dirty log does not name it (I29).");
            }
        }
    }

    // A page that is missing has what its source will give.
    private ulong Content(int page) => memory.States.IsPresent((ulong)page)
        ? RawMemory.Load(memory.WordOf((ulong)page), sizeof(ulong))
        : CheckedMachine.FreshValue((ulong)page);
}
