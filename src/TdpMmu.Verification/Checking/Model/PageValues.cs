using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Which values pages may hold, given the operations of a scenario: declared before they run.</summary>
internal sealed class PageValues
{
    private readonly Dictionary<ulong, HashSet<ulong>> _written = [];
    private readonly HashSet<ulong> _reset = [];

    /// <summary>A bit for each of the first 64 pages that an operation may write.</summary>
    internal ulong Pages { get; private set; }

    /// <summary>Whether what guests write reaches no page.</summary>
    internal bool GuestsOnlyRead { get; set; }

    /// <summary>A guest writes a value to a page. Unless guests only read or the page is dropped as well, one of what is written is there at the end.</summary>
    internal void GuestWrites(ulong page, ulong value)
    {
        if (!GuestsOnlyRead)
        {
            Writes(page, value);
        }
    }

    /// <summary>An operation writes a value to a page. Unless the page is dropped as well, one of what is written is there at the end.</summary>
    internal void Writes(ulong page, ulong value)
    {
        if (!_written.TryGetValue(page, out var values))
        {
            _written.Add(page, values = []);
        }

        values.Add(value);
        Pages |= 1UL << (int)page;
    }

    /// <summary>An operation may drop the page's contents, or keep others from writing it.</summary>
    internal void MayReset(ulong page) => _reset.Add(page);

    /// <summary>Whether a guest may read this value. Where there is no memory it reads zero.</summary>
    internal bool MayBeRead(ulong page, ulong value) =>
        value == CheckedMachine.FreshValue(page)
        || (value == 0 && _reset.Contains(page))
        || (_written.TryGetValue(page, out var values) && values.Contains(value));

    /// <summary>
    /// Whether a guest that has written the page itself may read this value: what was there before is gone, unless the page is dropped.
    /// </summary>
    internal bool MayBeReadBack(ulong page, ulong value) =>
        MayBeRead(page, value) && (value != CheckedMachine.FreshValue(page) || _reset.Contains(page) || _written[page].Contains(value));

    internal void Check(CheckedMemory memory)
    {
        foreach (var (page, values) in _written)
        {
            var found = RawMemory.Load(memory.WordOf(page), sizeof(ulong));
            if (!values.Contains(found) && !_reset.Contains(page))
            {
                throw new FindingException($"Page {page} holds 0x{found:x}: what was written to it is lost.");
            }
        }
    }
}
