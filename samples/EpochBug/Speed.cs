using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace EpochBug;

/// <summary>What a step costs: where the thread goes on that took the last one, and where another one takes over.</summary>
internal static class Speed
{
    private const int Rounds = 10_000;

    internal static void Measure()
    {
        foreach (var memory in Enum.GetValues<MemoryModel>())
        {
            Measure("loads of a word of one's own", memory, OwnWords, report => report.Operations);
            Measure("loads of a shared word", memory, SharedWord, report => report.Steps);
            Measure("stores to a shared word", memory, SharedStores, report => report.Steps);
            Measure("hand-overs between threads", memory, PingPong, report => report.Steps);
        }
    }

    private static void Measure(string name, MemoryModel memory, Action<Execution> arrange, Func<ExplorationReport, long> count)
    {
        // The highest priority goes first, to its end.
        var options = new ExplorationOptions { Memory = memory, Strategy = ExplorationStrategy.Pct, Depth = 1, ExecutionLimit = 20 };
        var explorer = new Explorer();
        explorer.Explore(name, arrange, options);
        var best = Enumerable.Range(0, 5).Select(_ => explorer.Explore(name, arrange, options)).Max(report => count(report) / report.Elapsed.TotalSeconds);
        Console.WriteLine($"{memory}: {name}: {best / 1e6:F2} million per second");
    }

    private static void OwnWords(Execution execution)
    {
        for (var thread = 0; thread < 2; thread++)
        {
            var word = Word(execution.Allocate(8));
            execution.AddThread($"thread {thread}", () => Repeat(() => Atomics.LoadAcquire(word)));
        }
    }

    private static void SharedWord(Execution execution)
    {
        var word = Word(execution.Allocate(8));
        execution.AddThread("reader", () => Repeat(() => Atomics.LoadAcquire(word)));
        execution.AddThread("writer", () => Atomics.StoreRelease(word, 1));
    }

    private static void SharedStores(Execution execution)
    {
        var word = Word(execution.Allocate(8));
        execution.AddThread("reader", () => Atomics.LoadAcquire(word));
        execution.AddThread("writer", () => Repeat(() => Atomics.StoreRelease(word, 1)));
    }

    private static void PingPong(Execution execution)
    {
        var word = Word(execution.Allocate(8));
        for (var thread = 0UL; thread < 2; thread++)
        {
            var mine = thread;
            execution.AddThread($"player {thread}", () => Repeat(() =>
            {
                if (Atomics.LoadAcquire(word) != mine)
                {
                    Atomics.AwaitChange(word, 1 - mine);
                }

                Atomics.Exchange(word, 1 - mine);
            }));
        }
    }

    private static void Repeat(Action body)
    {
        for (var round = 0; round < Rounds; round++)
        {
            body();
        }
    }

    // SAFETY: the address is one that the execution allocated.
    private static unsafe AtomicWord Word(nint address) => new((void*)address);
}
