using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests;

public sealed class ControllerTests
{
    private const int Seeds = 2000;

    [Fact]
    public void SwitchReachesTheTestHost() => Assert.True(Atomics.IsControllable);

    [Fact]
    public void OneSeedGivesOneTrace()
    {
        for (var seed = 0UL; seed < 50; seed++)
        {
            Assert.Equal(HashOf(seed), HashOf(seed));
        }
    }

    [Fact]
    public void SeedsGiveDifferentTraces()
    {
        var hashes = Enumerable.Range(0, 200).Select(seed => HashOf((ulong)seed)).ToHashSet();
        Assert.True(hashes.Count > 150, $"Only {hashes.Count} of 200 seeds differ.");
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void StoresPassLaterLoadsUnlessFenced(bool fenced, bool seen)
    {
        var bothZero = 0;
        Explorer.Explore(Seeds, controller =>
        {
            using var block = new NativeBlock(256);
            var (x, y) = (block.Word(0), block.Word(128));
            ulong sawX = 9, sawY = 9;
            controller.Run(() => sawY = StoreThenLoad(x, y, fenced), () => sawX = StoreThenLoad(y, x, fenced));
            bothZero += sawX == 0 && sawY == 0 ? 1 : 0;
        });
        Assert.Equal(seen, bothZero > 0);
    }

    [Fact]
    public void StoresOfOneThreadStayInOrder() => Explorer.Explore(Seeds, controller =>
    {
        using var block = new NativeBlock(256);
        var (data, flag) = (block.Word(0), block.Word(128));
        controller.Run(
            () =>
            {
                Atomics.StoreRelaxed(data, 1);
                Atomics.StoreRelease(flag, 1);
            },
            () =>
            {
                if (Atomics.LoadAcquire(flag) == 1)
                {
                    Assert.Equal(1UL, Atomics.LoadRelaxed(data));
                }
            });
    });

    [Fact]
    public void ThreadSeesItsOwnBufferedStores() => Explorer.Explore(100, controller =>
    {
        using var block = new NativeBlock(128);
        var word = block.Word(0);
        controller.Run(() =>
        {
            Atomics.StoreRelaxed(word, 0x1_0000_0007);
            Assert.Equal(0x1_0000_0007UL, Atomics.LoadRelaxed(word));
            Assert.Equal(7U, Atomics.LoadRelaxed(word.LowHalf));
            Assert.Equal(0x1_0000_0008UL, Atomics.Add(word, 1));
        });
    });

    [Fact]
    public void RacingIncrementIsFound()
    {
        var failure = Explorer.FirstFailure(Seeds, controller =>
        {
            using var block = new NativeBlock(128);
            var word = block.Word(0);
            var body = () => Atomics.StoreRelease(word, Atomics.LoadAcquire(word) + 1);
            controller.Run(body, body);
            Assert.Equal(2UL, Atomics.LoadAcquire(word));
        });
        Assert.NotNull(failure);
    }

    [Fact]
    public void DeadlockIsReportedWithItsTrace()
    {
        var failure = Explorer.FirstFailure(1, controller =>
        {
            using var block = new NativeBlock(128);
            controller.Run(() => Atomics.Park(block.Int(0), 0), () => Atomics.AwaitChange(block.Word(8), 0));
        });
        Assert.NotNull(failure);
        Assert.Contains("All threads are blocked", failure.Message, StringComparison.Ordinal);
        Assert.Contains("park", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EndlessRunIsReported()
    {
        var failure = Explorer.FirstFailure(
            1,
            controller =>
            {
                using var block = new NativeBlock(128);
                controller.Run(() =>
                {
                    while (Atomics.LoadAcquire(block.Int(0)) == 0)
                    {
                        Atomics.SpinHint();
                    }
                });
            },
            new SeededOptions { StepLimit = 1000 });
        Assert.Contains("does not end", failure!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ParkingReturnsForAWakeAndForTheClock() => Explorer.Explore(Seeds, controller =>
    {
        using var block = new NativeBlock(128);
        var word = block.Int(0);
        controller.Run(
            () =>
            {
                while (Atomics.LoadAcquire(word) == 0)
                {
                    Assert.True(Atomics.Park(word, 0));
                }

                var start = Atomics.Now;
                Assert.False(Atomics.Park(block.Int(8), 0, 1_000_000));
                Assert.True(Atomics.Now - start >= 1_000_000);
            },
            () =>
            {
                Atomics.StoreRelease(word, 1);
                Atomics.Wake(word, 1);
            });
    });

    [Fact]
    public void LostWakeIsFound()
    {
        var failure = Explorer.FirstFailure(
            Seeds,
            controller =>
            {
                using var block = new NativeBlock(128);
                var word = block.Int(0);
                controller.Run(
                    () =>
                    {
                        while (Atomics.LoadAcquire(word) == 0)
                        {
                            Atomics.Park(word, 0);
                        }
                    },
                    () =>
                    {
                        Atomics.StoreRelease(word, 1);
                        Atomics.Wake(word, 1);
                    });
            },
            new SeededOptions { Mutation = Mutation.WakeIsLost });
        Assert.NotNull(failure);
    }

    [Fact]
    public void StartedThreadsAreControlledAndJoined() => Explorer.Explore(200, controller =>
    {
        using var block = new NativeBlock(128);
        controller.Run(() =>
        {
            var child = Atomics.StartThread("child", () => Atomics.Add(block.Word(0), 5));
            child.Join();
            Assert.Equal(5UL, Atomics.LoadRelaxed(block.Word(0)));
        });
    });

    private static ulong StoreThenLoad(AtomicWord mine, AtomicWord other, bool fenced)
    {
        Atomics.StoreRelease(mine, 1);
        if (fenced)
        {
            Atomics.FullFence();
        }

        return Atomics.LoadAcquire(other);
    }

    private static ulong HashOf(ulong seed)
    {
        using var block = new NativeBlock(256);
        var controller = new SeededController(seed, new SeededOptions());
        var body = () =>
        {
            for (var round = 0; round < 5; round++)
            {
                Atomics.Add(block.Word(0), 1);
                Atomics.StoreRelease(block.Word(128), Atomics.LoadAcquire(block.Word(0)));
            }
        };
        controller.Run(body, body, body);
        return controller.TraceHash;
    }
}
