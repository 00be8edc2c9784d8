using System.Numerics;
using TdpMmu.Concurrency;

namespace TdpMmu.DirtyTracking;

/// <summary>
/// One bit per page of a slot, with a summary bit for every 64 words, so that harvesting a clean slot reads one word per 4,096 pages.
/// </summary>
/// <remarks>
/// Thread-safe. Marking sets the page's bit and then the summary's; harvesting takes the summary first. A mark that falls in between
/// sets the summary bit again, so a set bit always has a summary bit that is set already or about to be.
/// </remarks>
internal sealed unsafe class DirtyBitmap : IDisposable
{
    private const int WordBits = 64;
    private const int WordsPerSummaryWord = WordBits * WordBits;

    private readonly NativeBlock _words;
    private readonly NativeBlock _summary;
    private readonly AtomicWord _firstWord;
    private readonly AtomicWord _firstSummary;

    internal DirtyBitmap(ulong pages)
    {
        PageCount = pages;
        WordCount = checked((int)((pages + WordBits - 1) / WordBits));
        _words = new NativeBlock((nuint)WordCount * sizeof(ulong));
        SummaryCount = (WordCount + WordsPerSummaryWord - 1) / WordsPerSummaryWord;
        _summary = new NativeBlock((nuint)SummaryCount * sizeof(ulong));
        _firstWord = _words.Word(0);
        _firstSummary = _summary.Word(0);
    }

    internal ulong PageCount { get; }

    /// <summary>64-bit words that a copy of the bitmap takes.</summary>
    internal int WordCount { get; }

    internal long Bytes => (long)(_words.Length + _summary.Length);

    private int SummaryCount { get; }

    /// <summary>Marks pages dirty, after they were written or when the entry that recorded it goes away.</summary>
    internal void Mark(ulong page, ulong count)
    {
        for (var end = page + count; page < end; page++)
        {
            var word = (int)(page / WordBits);

            // Locked, and without a look whether the bit is set: the operation also orders the data that was written before the mark, which
            // a plain load that finds the bit set could overtake.
            Atomics.Or(_firstWord.At(word), 1UL << (int)(page % WordBits));
            Atomics.Or(_firstSummary.At(word / WordsPerSummaryWord), 1UL << (word / WordBits % WordBits));
        }
    }

    /// <summary>Moves all marks to a copy and clears them.</summary>
    /// <param name="destination">At least <see cref="WordCount"/> words; marks are added to what is there.</param>
    internal void MoveTo(Span<ulong> destination)
    {
        for (var index = 0; index < SummaryCount; index++)
        {
            if (Atomics.LoadAcquire(_firstSummary.At(index)) == 0)
            {
                continue;
            }

            // The exchange comes before the words are read: a page that is marked after its word was taken sets this bit again.
            for (var groups = Atomics.Exchange(_firstSummary.At(index), 0); groups != 0; groups &= groups - 1)
            {
                var first = ((index * WordBits) + BitOperations.TrailingZeroCount(groups)) * WordBits;
                for (var word = first; word < Math.Min(first + WordBits, WordCount); word++)
                {
                    if (Atomics.LoadRelaxed(_firstWord.At(word)) != 0)
                    {
                        destination[word] |= Atomics.Exchange(_firstWord.At(word), 0);
                    }
                }
            }
        }
    }

    public void Dispose()
    {
        _words.Dispose();
        _summary.Dispose();
    }

    // SAFETY: words are named by index below their number; the blocks live as long as the slot.
}
