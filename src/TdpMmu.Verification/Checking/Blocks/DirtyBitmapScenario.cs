using TdpMmu.Concurrency;
using TdpMmu.DirtyTracking;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Pages are written and marked while the marks are taken and the pages copied.</summary>
internal sealed class DirtyBitmapScenario() : BlockScenario(
    new Mix("writer+harvester", static execution => Mark(execution, [0], rounds: 2, harvests: 2)),
    new Mix("two-writers-of-a-word+harvester", static execution => Mark(execution, [0, 1], rounds: 1, harvests: 2)),
    new Mix("two-writers-of-two-words+harvester", static execution => Mark(execution, [0, 64], rounds: 1, harvests: 2)))
{
    private const int Words = 2;
    private const int WordBits = 64;

    internal override string Name => "dirty-bitmap";

    internal override string Summary => "no page is written and not copied afterwards";

    private static void Mark(Execution execution, int[] pages, int rounds, int harvests)
    {
        var bitmap = new DirtyBitmap(Words * WordBits);
        var contents = new Dictionary<int, AtomicWord>();
        var copies = new Dictionary<int, ulong>();
        foreach (var page in pages)
        {
            contents.Add(page, NewWord(execution, $"page {page}"));
            execution.AddThread($"writer of {page}", () =>
            {
                for (var round = 1; round <= rounds; round++)
                {
                    Atomics.StoreRelaxed(contents[page], (ulong)round);
                    bitmap.Mark((ulong)page, 1);
                }
            });
        }

        execution.AddThread("harvester", () =>
        {
            for (var harvest = 0; harvest < harvests; harvest++)
            {
                Harvest();
            }
        });
        execution.AtEnd(() =>
        {
            Harvest();
            foreach (var page in pages)
            {
                Require(copies.GetValueOrDefault(page) == (ulong)rounds, $"Page {page} was written after it was copied, and is not marked.");
            }
        });
        DisposeAtEnd(execution, bitmap);

        void Harvest()
        {
            Span<ulong> dirty = stackalloc ulong[Words];
            dirty.Clear();
            bitmap.MoveTo(dirty);
            foreach (var page in pages)
            {
                if ((dirty[page / WordBits] & (1UL << (page % WordBits))) != 0)
                {
                    copies[page] = Atomics.LoadRelaxed(contents[page]);
                }
            }
        }
    }
}
