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

    /// <summary>Whether the log is on and copies are kept.</summary>
    internal bool AreKept { get; private set; }

    /// <summary>The log was started: what is there now counts as copied.</summary>
    internal void Restart()
    {
        AreKept = true;
        Copy(ulong.MaxValue);
    }

    internal void Stop() => AreKept = false;

    /// <summary>Copies the pages that the log names, as memory has them now.</summary>
    internal void Copy(ulong named)
    {
        for (var page = 0; page < Pages; page++)
        {
            if ((named & (1UL << page)) != 0)
            {
                _copies[page] = Content(page);
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
