using TdpMmu.Concurrency;
using TdpMmu.Interleaving.Tests.Protocols;

namespace TdpMmu.Interleaving.Tests;

/// <summary>A search that compares states says so, needs few executions, and notices where states are not all that matters.</summary>
public sealed class StateSearchTests
{
    private const int Turns = 6;

    [Theory]
    [InlineData(MemoryModel.SequentiallyConsistent)]
    [InlineData(MemoryModel.TotalStoreOrder)]
    public void WhereThreadsForgetManySchedulesHaveFewStates(MemoryModel memory)
    {
        var report = Explore(TakeTurns, memory);

        // Each thread has so many turns of fewer than ten steps: all schedules are millions.
        const int Places = Turns * 10;
        Assert.True(report.IsExhausted, report.Finding?.Message ?? report.Bound);
        Assert.InRange(report.States, Places, 8 * Places * Places);
        Assert.InRange(report.Executions, 1, report.States);
    }

    [Fact]
    public void WhatDoesNotSayThatOnlyMemoryIsSharedHasNoStates() =>
        Assert.Equal(0, Explore(static execution => AddThreads(execution, 2, Atomics.FullFence), MemoryModel.TotalStoreOrder).States);

    [Fact]
    public void WhatIsWrongInOneStateIsFoundAndFoundAgain()
    {
        // It needs more preemptions than the searches before have.
        var report = Explore(static execution => Meet(execution, meetings: 3), MemoryModel.TotalStoreOrder, preemptions: 1);

        Assert.Equal("They met.", report.Finding?.Message, StringComparer.Ordinal);
        Assert.True(report.States > 0);
        var again = new Explorer().Replay(report.Finding!.Recording, static execution => Meet(execution, meetings: 3));
        Assert.Equal("They met.", again?.Message, StringComparer.Ordinal);
    }

    [Fact]
    public void ThreadsThatShareMoreThanMemoryAreNoticed()
    {
        var report = Explore(
            static execution =>
            {
                execution.ShareOnlyMemory();
                var words = execution.AllocateWords(2);
                var shared = 0;
                AddThreads(execution, 2, () =>
                {
                    var gate = new ParkingLock(words[0].LowHalf);
                    gate.Enter();
                    if (shared++ == 1)
                    {
                        Atomics.Add(words[1], 1);
                    }

                    gate.Exit();
                });
            },
            MemoryModel.SequentiallyConsistent);

        Assert.Contains("more than memory", report.Finding?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsForgottenAndNeededIsNoticed()
    {
        var report = Explore(
            static execution =>
            {
                execution.ShareOnlyMemory();
                var word = execution.AllocateWords(1)[0];
                AddThreads(execution, 2, () =>
                {
                    var past = Past.Begin();
                    var isFirst = Atomics.Add(word, 1) == 1;
                    past.Forget();
                    _ = Atomics.LoadAcquire(word);
                    if (isFirst)
                    {
                        Atomics.Exchange(word, 2);
                    }
                });
            },
            MemoryModel.SequentiallyConsistent);

        Assert.Contains("forget", report.Finding?.Message, StringComparison.Ordinal);
    }

    /// <summary>Before the quarantine and after it the reader is told the same, and in between it must not look.</summary>
    [Fact]
    public void WhatIsUsedInAQuarantineThatEndsIsFound()
    {
        var report = Explore(
            static execution =>
            {
                execution.ShareOnlyMemory();
                var words = execution.AllocateWords(2);
                var withdrawn = new AtomicBytes(words[0].Address);
                execution.AddThread("owner", () =>
                {
                    Atomics.Quarantine(withdrawn, sizeof(ulong));
                    Atomics.Readmit(withdrawn, sizeof(ulong));
                    Atomics.StoreRelease(words[1], 1);
                });
                execution.AddThread("reader", () =>
                {
                    _ = Atomics.LoadAcquire(words[0]);
                    Atomics.AwaitChange(words[1], 0);
                });
            },
            MemoryModel.SequentiallyConsistent);

        Assert.Contains("is in quarantine", report.Finding?.Message, StringComparison.Ordinal);
    }

    /// <summary>Whoever starts a thread in some case, and forgets which case it was, has started it all the same.</summary>
    [Fact]
    public void ThatAThreadWasStartedIsNotForgotten()
    {
        var ends = new SortedSet<ulong>();
        var report = Explore(
            execution =>
            {
                execution.ShareOnlyMemory();
                var words = execution.AllocateWords(2);
                execution.AddThread("starter", () =>
                {
                    var past = Past.Begin();
                    if (Atomics.Exchange(words[0], 2) == 1)
                    {
                        Atomics.StartThread("started", () => Atomics.Add(words[1], Atomics.LoadAcquire(words[0]) == 2 ? 1UL : 4));
                    }

                    past.Forget();
                    Atomics.Add(words[1], 2);
                });
                execution.AddThread("other", () =>
                {
                    Atomics.Exchange(words[0], 1);
                    Atomics.Exchange(words[0], 0);
                });
                execution.AtEnd(() => ends.Add(Atomics.LoadRelaxed(words[1])));
            },
            MemoryModel.SequentiallyConsistent);

        Assert.True(report.IsExhausted, report.Finding?.Message);
        Assert.Equal([2, 3, 6], ends);
    }

    /// <summary>A thread that spins waits for a change of what it read before somebody else's past began, too.</summary>
    [Fact]
    public void SpinningWaitsForWhatWasReadBeforeSomethingElseWasForgotten()
    {
        var report = Explore(
            static execution =>
            {
                execution.ShareOnlyMemory();
                var words = execution.AllocateWords(2);
                execution.AddThread("spinner", () =>
                {
                    while (Atomics.LoadAcquire(words[0]) == 0)
                    {
                        var past = Past.Begin();
                        _ = Atomics.LoadAcquire(words[1]);
                        past.Forget();
                        Atomics.SpinHint();
                    }
                });
                execution.AddThread("writer", () =>
                {
                    Atomics.Exchange(words[1], 1);
                    Atomics.Exchange(words[0], 1);
                });
            },
            MemoryModel.SequentiallyConsistent);

        Assert.True(report.IsExhausted, report.Finding?.Message);
    }

    [Fact]
    public void WhatKnowsMoreThanMemoryIsRefused()
    {
        Action<Execution>[] more =
        [
            static execution => execution.AddObserver(new Indifferent()),
            static execution => execution.Exclude(execution.Allocate(8), 8),
            static execution => execution.Watch(execution.Allocate(8), 8, execution.Allocate(8)),
        ];
        Assert.All(more, static known => Assert.All<Action<Execution>>(
            [
                execution =>
                {
                    known(execution);
                    execution.ShareOnlyMemory();
                },
                execution =>
                {
                    execution.ShareOnlyMemory();
                    known(execution);
                },
            ],
            static arrange => Assert.IsType<InvalidOperationException>(Explore(arrange, MemoryModel.TotalStoreOrder).Finding?.Cause)));
    }

    [Fact]
    public void WhatHasMoreStatesThanCanBeRememberedIsNotExhausted()
    {
        var explorer = new Explorer();
        var search = new Search(explorer.Begin(MemoryModel.SequentiallyConsistent), "", TakeTurns, new ExplorationOptions(), TestContext.Current.CancellationToken);
        var strategy = new StateSearch(mostStates: 100);
        search.RunStage(strategy, long.MaxValue, TimeSpan.MaxValue);

        Assert.Null(search.Failure);
        Assert.Equal("100 states", strategy.Bound, StringComparer.Ordinal);
    }

    private static ExplorationReport Explore(Action<Execution> arrange, MemoryModel memory, int preemptions = 0) => new Explorer().Explore(
        "states", arrange, new ExplorationOptions { Memory = memory, Preemptions = preemptions }, TestContext.Current.CancellationToken);

    private static void AddThreads(Execution execution, int count, Action body)
    {
        for (var thread = 0; thread < count; thread++)
        {
            execution.AddThread($"thread {thread}", body);
        }
    }

    private static void TakeTurns(Execution execution)
    {
        execution.ShareOnlyMemory();
        var words = execution.AllocateWords(2);
        AddThreads(execution, 2, () =>
        {
            var gate = new ParkingLock(words[0].LowHalf);
            var past = Past.Begin();
            for (var turn = 0; turn < Turns; turn++)
            {
                gate.Enter();
                Atomics.StoreRelaxed(words[1], Atomics.LoadRelaxed(words[1]) + 1);
                gate.Exit();
                past.Forget((ulong)turn);
            }
        });
        execution.AtEnd(() => Assert.Equal(2UL * Turns, Atomics.LoadRelaxed(words[1])));
    }

    // Each thread in its turn sees the other's word as it was last, so many times: they have to alternate.
    private static void Meet(Execution execution, int meetings)
    {
        execution.ShareOnlyMemory();
        var words = execution.AllocateWords(2);
        var met = execution.AllocateWords(1)[0];
        for (var thread = 0; thread < 2; thread++)
        {
            var (own, other) = (words[thread], words[1 - thread]);
            var lag = (ulong)thread;
            execution.AddThread($"thread {thread}", () =>
            {
                var all = true;
                for (var meeting = 1UL; meeting <= (ulong)meetings; meeting++)
                {
                    all &= Atomics.LoadAcquire(other) == meeting - 1 + lag;
                    Atomics.Exchange(own, meeting);
                }

                if (all)
                {
                    Atomics.Add(met, 1);
                }
            });
        }

        execution.AtEnd(() =>
        {
            if (Atomics.LoadRelaxed(met) == 2)
            {
                throw new FindingException("They met.");
            }
        });
    }

    private sealed class Indifferent : IMemoryObserver
    {
        public void Written(nint address, int size, ulong before, ulong after)
        {
        }
    }
}
