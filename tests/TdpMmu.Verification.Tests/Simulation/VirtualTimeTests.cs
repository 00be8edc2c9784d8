using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation.Tests;

/// <summary>The rules of virtual time, on programs small enough to be added up by hand.</summary>
public sealed class VirtualTimeTests
{
    [Fact]
    public void ALineThatIsThereCostsItsOperationsOnly()
    {
        var time = TimeOf(static word =>
        {
            Atomics.StoreRelease(word, 1);
            _ = Atomics.LoadAcquire(word);
            Atomics.Add(word, 1);
        });

        Assert.Equal(1 + 1 + 5, time);
    }

    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 20)]
    [InlineData(4, 50)]
    public void ATransferCostsWhatTheDistanceSays(int reader, long nanoseconds)
    {
        // Threads are dealt out socket by socket: 0, 2, 4 and 6 share one, and 0 and 2 a cluster of it.
        var controller = new VirtualTimeController(TestMachine.Create());
        var time = 0L;
        var transfers = 0L;
        RunThreads(controller, reader + 1, (index, word) =>
        {
            if (index == 0)
            {
                Atomics.StoreRelease(word, 1);
            }
            else if (index == reader)
            {
                // Further than a processor may run ahead, so that the writer has been there.
                controller.Advance(2 * VirtualTimeController.Window);
                var start = controller.Current.Clock;
                Assert.Equal(1UL, Atomics.CompareExchange(word, 2, 1));
                time = (controller.Current.Clock - start) / 1000;
                transfers = controller.Current.Transfers;
            }
        });

        // From one compare-and-swap to the next: the operation is in the number.
        Assert.Equal(nanoseconds, time);
        Assert.Equal(1, transfers);
    }

    [Fact]
    public void AContendedLineServesOneAtATime()
    {
        const int Threads = 8;
        var controller = new VirtualTimeController(TestMachine.Create());
        var ends = new long[Threads];
        RunThreads(controller, Threads, (index, word) =>
        {
            Atomics.Add(word, 1);
            ends[index] = controller.Current.Clock;
        });

        Assert.Equal(Threads, ends.Distinct().Count());
        var order = ends.Order().ToArray();
        for (var index = 1; index < Threads; index++)
        {
            Assert.InRange(order[index] - order[index - 1], 20_000, 105_000);
        }
    }

    [Fact]
    public void OperationsOnASharedLineHappenInTheOrderOfVirtualTime()
    {
        const int Threads = 6;
        var controller = new VirtualTimeController(TestMachine.Create());
        var seen = new List<(ulong Value, long Clock)>();
        RunThreads(controller, Threads, (index, word) =>
        {
            // Once another processor wanted it, the line is taken for contended; before, its first user may run ahead.
            Atomics.Add(word, 1);
            controller.Advance(VirtualTimeController.Window * 3 / 2);
            for (var turn = 0; turn < 20; turn++)
            {
                controller.Advance((((index * 7) + (turn * 3)) % 11 * 10_000) + 1000);
                var value = Atomics.Add(word, 1);
                seen.Add((value, controller.Current.Clock));
            }
        });

        Assert.Equal(Threads * 20, seen.Count);
        var byValue = seen.OrderBy(static entry => entry.Value).Select(static entry => entry.Clock).ToArray();
        Assert.Equal(byValue.Order(), byValue);
    }

    [Fact]
    public void ASleeperWakesALatencyAfterTheCall()
    {
        var controller = new VirtualTimeController(TestMachine.Create());
        var woken = 0L;
        var called = 0L;
        RunThreads(controller, 2, (index, word) =>
        {
            if (index == 0)
            {
                while (Atomics.LoadAcquire(word.LowHalf) == 0)
                {
                    Assert.True(Atomics.Park(word.LowHalf, 0));
                    woken = woken == 0 ? controller.Current.Clock : woken;
                }
            }
            else
            {
                controller.Advance(5_000_000);
                Atomics.StoreRelease(word.LowHalf, 1);
                Atomics.Wake(word.LowHalf, 1);
                called = controller.Current.Clock;
            }
        });

        Assert.Equal(called + 500_000, woken);
    }

    [Fact]
    public void ATimedSleepEnds()
    {
        var controller = new VirtualTimeController(TestMachine.Create());
        var slept = 0L;
        RunThreads(controller, 1, (_, word) =>
        {
            var start = controller.Current.Clock;
            Assert.False(Atomics.Park(word.LowHalf, 0, 2_000));
            slept = controller.Current.Clock - start;
        });

        Assert.InRange(slept, 2_000_000, 2_020_000);
    }

    [Fact]
    public void AWatcherSeesAWriteThatNobodyAnnounces()
    {
        var controller = new VirtualTimeController(TestMachine.Create());
        var written = 0L;
        var seen = 0L;
        RunThreads(controller, 2, (index, word) =>
        {
            if (index == 0)
            {
                Assert.True(Atomics.AwaitChange(word, 0));
                Assert.Equal(2UL, Atomics.LoadAcquire(word));
                seen = controller.Current.Clock;
            }
            else
            {
                // A write of the same value changes nothing for the watcher.
                controller.Advance(5_000_000);
                Atomics.StoreRelease(word, 0);
                controller.Advance(5_000_000);
                Atomics.StoreRelease(word, 2);
                written = controller.Current.Clock;
            }
        });

        Assert.InRange(seen - written, 0, 110_000);
    }

    [Fact]
    public void AFenceCostsTheSenderAndWhoIsInterrupted()
    {
        var controller = new VirtualTimeController(TestMachine.Create());
        var sender = 0L;
        var others = new long[3];
        RunThreads(controller, 4, (index, _) =>
        {
            if (index == 0)
            {
                var start = controller.Current.Clock;
                Atomics.ProcessWideFence();
                sender = (controller.Current.Clock - start) / 1000;
            }
            else
            {
                controller.Advance(3_000_000);
                others[index - 1] = controller.Current.InterruptTime / 1000;
            }
        });

        Assert.Equal(100 + (3 * 10), sender);
        Assert.Equal([7L, 7L, 7L], others);
    }

    [Fact]
    public void ThreadsThatCannotGoOnAreNamed()
    {
        var controller = new VirtualTimeController(TestMachine.Create());

        var failure = Assert.Throws<SimulationDeadlockException>(() => RunThreads(controller, 1, static (_, word) => Atomics.Park(word.LowHalf, 0)));

        Assert.Contains("thread 0 waits for the word", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatAThreadThrowsReachesWhoJoinsIt()
    {
        var controller = new VirtualTimeController(TestMachine.Create());

        var failure = Assert.Throws<InvalidOperationException>(
            () => RunThreads(controller, 2, static (index, _) => throw new InvalidOperationException($"thread {index}")));

        Assert.Equal("thread 0", failure.Message);
    }

    private static long TimeOf(Action<AtomicWord> body)
    {
        var controller = new VirtualTimeController(TestMachine.Create());
        var time = 0L;
        RunThreads(controller, 1, (_, word) =>
        {
            var start = controller.Current.Clock;
            body(word);
            time = (controller.Current.Clock - start) / 1000;
        });
        return time;
    }

    // Threads that all begin at the same virtual time, and a word on a line of its own.
    private static void RunThreads(VirtualTimeController controller, int count, Action<int, AtomicWord> body) => controller.Run(() =>
    {
        var word = WordAt(controller.Allocate(128, 128));
        var meeting = new List<SimulatedThread>();
        controller.IsCharging = true;
        var threads = Enumerable.Range(0, count).Select(index => Atomics.StartThread($"thread {index}", () =>
        {
            controller.Meet(meeting, count, static () => { });
            body(index, word);
        })).ToArray();
        Array.ForEach(threads, static thread => thread.Join());
    }, TestContext.Current.CancellationToken);

    // SAFETY: the arena stays mapped for as long as the process lives.
    private static unsafe AtomicWord WordAt(nint address) => new((void*)address);
}
