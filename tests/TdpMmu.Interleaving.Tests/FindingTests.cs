using TdpMmu.Concurrency;
using TdpMmu.Interleaving.Tests.Protocols;

namespace TdpMmu.Interleaving.Tests;

/// <summary>What goes wrong in a program is told in a way that helps.</summary>
public sealed class FindingTests
{
    [Fact]
    public void SwitchReachesTheTestHost() => Assert.True(Atomics.IsControllable);

    [Fact]
    public void DeadlockNamesWhoWaitsForWhat()
    {
        var finding = Find(static execution =>
        {
            var words = execution.AllocateWords(2);
            execution.Label(words[0].Address, 8, "gate");
            execution.AddThread("parker", () => Atomics.Park(words[0].LowHalf, 0));
            execution.AddThread("watcher", () => Atomics.AwaitChange(words[1], 0));
        });
        Assert.StartsWith("Deadlock: parker is parked on gate", finding.Message, StringComparison.Ordinal);
        Assert.Contains("watcher waits for", finding.Message, StringComparison.Ordinal);
        Assert.Equal("parker watcher", string.Join(' ', finding.Steps.Where(static step => step.Operation == "waits for ever").Select(static step => step.Thread)), StringComparer.Ordinal);
        Assert.All(finding.Steps.TakeLast(2), static step => Assert.Contains("FindingTests.cs", step.Source, StringComparison.Ordinal));
    }

    [Fact]
    public void MemoryThatIsNotTheProgramsIsRefused()
    {
        Action<Execution>[] wrong =
        [
            static execution => execution.Exclude(0x10, 8),
            static execution => execution.Exclude(execution.Allocate(64), nint.MaxValue),
            static execution => execution.Watch(0x10, 8, execution.Allocate(8)),
            static execution => execution.Watch(execution.Allocate(8), 8, 0x10),
            static execution => execution.Note(0x10),
            static execution => execution.Allocate(8, alignment: 3),
        ];
        Assert.All(wrong, static step => Assert.IsType<ArgumentException>(Find(execution => execution.AddThread("wrong", () => step(execution))).Cause));
    }

    [Fact]
    public void SpinningOnWhatNobodyChangesIsADeadlock()
    {
        var finding = Find(static execution =>
        {
            var word = execution.AllocateWords(1)[0];
            execution.AddThread("spinner", () => SpinUntil(word, 2));
            execution.AddThread("writer", () => Atomics.StoreRelease(word, 1));
        });
        Assert.Contains("spinner spins on what does not change", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SpinningOnWhatChangesEnds() => Exploration.Exhaust(static execution =>
    {
        var word = execution.AllocateWords(1)[0];
        execution.AddThread("spinner", () => SpinUntil(word, 2));
        execution.AddThread("writer", () =>
        {
            Atomics.StoreRelease(word, 1);
            Atomics.StoreRelease(word, 2);
        });
    });

    [Fact]
    public void SpinningUntilATimeEnds() => Exploration.Exhaust(static execution =>
    {
        var word = execution.AllocateWords(1)[0];
        execution.AddThread("spinner", () =>
        {
            var end = Atomics.Now + 5_000_000;
            while (Atomics.LoadAcquire(word) == 0 && Atomics.Now < end)
            {
                Atomics.SpinHint();
            }
        });
    });

    [Fact]
    public void LoopWithoutAHintIsALivelockWithAShortTrace()
    {
        var finding = Find(static execution =>
        {
            var word = execution.AllocateWords(1)[0];
            execution.AddThread("looper", () =>
            {
                while (Atomics.LoadAcquire(word) == 0)
                {
                }
            });
            execution.AddThread("writer", () => Atomics.StoreRelease(word, 1));
        });
        Assert.Contains("looper does not come to an end", finding.Message, StringComparison.Ordinal);
        Assert.True(finding.FormatTrace().Split('\n').Length < 20);
    }

    [Fact]
    public void TwoThreadsThatUndoEachOthersWorkAreALivelock()
    {
        var finding = Find(
            static execution =>
            {
                var word = execution.AllocateWords(1)[0];
                execution.AddThread("one", () => Undo(1));
                execution.AddThread("two", () => Undo(2));

                void Undo(ulong self)
                {
                    while (Atomics.Exchange(word, self) != self)
                    {
                        Atomics.AwaitChange(word, self);
                    }
                }
            },
            new ExplorationOptions { OperationLimit = 1_000 });
        Assert.Contains("Livelock: the execution does not end", finding.Message, StringComparison.Ordinal);
        Assert.Contains("more times", finding.FormatTrace(), StringComparison.Ordinal);
        Assert.True(finding.FormatTrace().Split('\n').Length < 100);
    }

    [Fact]
    public void TimeRunsOutOnlyWhenNothingElseCanHappen() => Exploration.Exhaust(static execution =>
    {
        var words = execution.AllocateWords(2);
        execution.AddThread("waiter", () =>
        {
            while (Atomics.LoadAcquire(words[0]) == 0)
            {
                Assert.True(Atomics.Park(words[0].LowHalf, 0, 1_000));
            }

            var start = Atomics.Now;
            Assert.False(Atomics.Park(words[1].LowHalf, 0, 1_000_000));
            Assert.True(Atomics.Now - start >= 1_000_000);
        });
        execution.AddThread("waker", () =>
        {
            Atomics.StoreRelease(words[0], 1);
            Atomics.Wake(words[0].LowHalf, 1);
        });
    });

    [Fact]
    public void ThreadThatBlocksElsewhereIsReportedAndTheNextExplorationIsNotHarmed()
    {
        using var never = new ManualResetEventSlim();
        var token = TestContext.Current.CancellationToken;
        var finding = Find(
            execution =>
            {
                var word = execution.AllocateWords(1)[0];
                execution.AddThread("blocker", () => never.Wait(token));
                execution.AddThread("other", () => Atomics.StoreRelease(word, 1));
            },
            new ExplorationOptions { Patience = TimeSpan.FromMilliseconds(300) });
        Assert.Contains("blocker blocks where the scheduler cannot see it", finding.Message, StringComparison.Ordinal);
        SpinningOnWhatChangesEnds();
        never.Set();
        SpinningOnWhatChangesEnds();
    }

    [Fact]
    public unsafe void MemoryOfAnotherKindIsRefused()
    {
        // SAFETY: the word outlives the exploration.
        ulong word = 0;
        var address = (nint)(&word);
        var finding = Find(execution => execution.AddThread("stray", () => Atomics.LoadAcquire(Exploration.At(address))));
        Assert.Contains("stray uses memory", finding.Message, StringComparison.Ordinal);
        Assert.Contains("NativeBlock or Execution.Allocate", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NineThreadsAreTooMany()
    {
        var finding = Find(static execution =>
        {
            for (var thread = 0; thread < 9; thread++)
            {
                execution.AddThread($"{thread}", static () => { });
            }
        });
        Assert.Contains("at most 8 threads", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ProgramThatDiffersFromRunToRunIsReported()
    {
        var runs = 0;
        var finding = Find(execution =>
        {
            var words = execution.AllocateWords(2);
            var chosen = words[runs++ % 3 == 0 ? 0 : 1];
            execution.AddThread("one", () => Atomics.AwaitChange(chosen, 0));
            execution.AddThread("two", () =>
            {
                Atomics.Add(words[0], 1);
                Atomics.Add(words[1], 1);
            });
            execution.AddThread("three", () =>
            {
                Atomics.Add(words[0], 1);
                Atomics.Add(words[1], 1);
            });
        });
        Assert.Contains("not deterministic", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RandomStrategiesNeedALimit() => Assert.Throws<ArgumentException>(static () =>
        new Explorer().Explore("endless", static _ => { }, new ExplorationOptions { Strategy = ExplorationStrategy.Random }, TestContext.Current.CancellationToken));

    [Theory]
    [InlineData(ExplorationStrategy.Exhaustive)]
    [InlineData(ExplorationStrategy.Preemptions)]
    [InlineData(ExplorationStrategy.Pct)]
    [InlineData(ExplorationStrategy.Random)]
    public void EveryStrategyFindsALostUpdateWithOnePreemption(ExplorationStrategy strategy)
    {
        var finding = Find(LoseAnUpdate, new ExplorationOptions { Strategy = strategy, ExecutionLimit = 10_000, Memory = MemoryModel.SequentiallyConsistent });
        Assert.Equal(1, finding.Preemptions);
        Assert.Equal("fails", finding.Steps[^1].Operation);
        Assert.Contains("FindingTests.cs", finding.Steps[^1].Source, StringComparison.Ordinal);
    }

    [Fact]
    public void BufferedStoresAndAddressesAreShown()
    {
        var finding = Find(static execution =>
        {
            var words = execution.AllocateWords(3);
            execution.Label(words[2].Address, 8, "object");
            Atomics.StoreRelaxed(words[0], (ulong)words[2].Address);
            execution.AddThread("left", () =>
            {
                Atomics.StoreRelease(words[1], 1);
                Assert.Equal((ulong)words[2].Address, Atomics.LoadAcquire(words[0]));
            });
            execution.AddThread("right", () =>
            {
                Atomics.StoreRelease(words[0], 0);
                Assert.Equal(1UL, Atomics.LoadAcquire(words[1]));
            });
        });
        Assert.Contains(finding.Steps, static step => step.Operation == "stores (buffered)" && step.Source.Contains("FindingTests.cs", StringComparison.Ordinal));
        Assert.DoesNotContain("0x3000", finding.FormatTrace(), StringComparison.Ordinal);
    }

    [Fact]
    public void RecordingIsFollowedAgainBitForBit()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.json");
        try
        {
            var finding = Find(LoseAnUpdate);
            finding.Recording.Save(path);
            var again = new Explorer(1).Replay(Recording.Load(path), LoseAnUpdate);
            Assert.NotNull(again);
            Assert.Equal(finding.Message, again.Message);
            Assert.Equal(finding.FormatTrace(), again.FormatTrace());
            Assert.Throws<InvalidDataException>(() => new Explorer().Replay(Recording.Load(path), static execution => execution.AddThread("other", static () => { })));
            File.WriteAllText(path, "{}");
            Assert.Throws<InvalidDataException>(() => Recording.Load(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void SpinUntil(AtomicWord word, ulong value)
    {
        while (Atomics.LoadAcquire(word) != value)
        {
            Atomics.SpinHint();
        }
    }

    private static void LoseAnUpdate(Execution execution)
    {
        var word = execution.AllocateWords(1)[0];
        for (var thread = 0; thread < 2; thread++)
        {
            execution.AddThread($"adder {thread}", () => Atomics.Exchange(word, Atomics.LoadAcquire(word) + 1));
        }

        execution.AtEnd(() => Assert.Equal(2UL, Atomics.LoadAcquire(word)));
    }

    private static Finding Find(Action<Execution> arrange, ExplorationOptions? options = null)
    {
        var report = new Explorer().Explore("program", arrange, options, TestContext.Current.CancellationToken);
        Assert.NotNull(report.Finding);
        Assert.False(report.IsExhausted);
        return report.Finding;
    }
}
