namespace TdpMmu.Concurrency.Tests.Facade;

public sealed class WaitingTests : NativeMemoryTest
{
    [Fact]
    public void ControlIsOffByDefault() => Assert.False(Atomics.IsControllable);

    [Fact]
    public void ParkingOnAnotherValueReturnsAtOnce()
    {
        using var block = new NativeBlock(8);
        Assert.True(Atomics.Park(block.Int(0), 1));
    }

    [Fact]
    public void ParkingEndsWithItsTime()
    {
        using var block = new NativeBlock(8);
        var start = Atomics.Now;
        var woken = true;
        while (woken)
        {
            woken = Atomics.Park(block.Int(0), 0, 1_000_000);
        }

        Assert.True(Atomics.Now - start >= 900_000);
    }

    [Fact]
    public void WakeReachesTheParkedThread()
    {
        using var block = new NativeBlock(8);
        var word = block.Int(0);
        RunTogether(
            () =>
            {
                for (var turn = 0U; turn < 2000; turn += 2)
                {
                    AwaitValue(word, turn);
                    Atomics.StoreRelease(word, turn + 1);
                    Atomics.Wake(word, 1);
                }
            },
            () =>
            {
                for (var turn = 1U; turn < 2000; turn += 2)
                {
                    AwaitValue(word, turn);
                    Atomics.StoreRelease(word, turn + 1);
                    Atomics.Wake(word, 1);
                }
            });
        Assert.Equal(2000U, Atomics.LoadRelaxed(word));
    }

    [Fact]
    public void AwaitChangeNeedsNoWake()
    {
        using var block = new NativeBlock(64);
        var (ping, pong) = (block.Word(0), block.Word(8));
        RunTogether(
            () =>
            {
                for (var turn = 0UL; turn < 100; turn++)
                {
                    Atomics.StoreRelease(ping, turn + 1);
                    Atomics.AwaitChange(pong, turn);
                }
            },
            () =>
            {
                for (var turn = 0UL; turn < 100; turn++)
                {
                    Atomics.AwaitChange(ping, turn);
                    Atomics.StoreRelease(pong, turn + 1);
                }
            });
        Assert.Equal(100UL, Atomics.LoadRelaxed(pong));
    }

    [Fact]
    public void AwaitChangeSeesTheHighHalf()
    {
        using var block = new NativeBlock(8);
        var word = block.Word(0);
        RunTogether(
            () => Atomics.AwaitChange(word, 0),
            () =>
            {
                Thread.Sleep(2);
                Atomics.StoreRelease(word, 1UL << 40);
            });
        Assert.Equal(1UL << 40, Atomics.LoadRelaxed(word));
    }

    [Fact]
    public void ClockAdvances()
    {
        var start = Atomics.Now;
        while (Atomics.Now == start)
        {
            Atomics.SpinHint();
        }

        Assert.True(Atomics.Now > start);
    }

    [Fact]
    public void JoinRethrowsOnce()
    {
        var thread = Atomics.StartThread("failing", () => throw new InvalidTimeZoneException("expected"));
        Assert.Throws<InvalidTimeZoneException>(thread.Join);
        thread.Join();
    }

    [Fact]
    public void NothingAllocates()
    {
        using var block = new NativeBlock(64);
        var word = block.Int(0);
        Assert.Equal(0, AllocatedBy(() =>
        {
            Atomics.Park(word, 1);
            Atomics.Wake(word, 1);
            Atomics.AwaitChange(block.Word(8), 1);
            Atomics.ProcessWideFence();
            Atomics.FullFence();
            Atomics.SpinHint();
            _ = Atomics.Now;
            _ = Atomics.CompareExchangeData(new AtomicBytes(block.Word(16).Address), 1, 0);
        }));
    }

    private static void AwaitValue(AtomicInt word, uint value)
    {
        while (Atomics.LoadAcquire(word) is var seen && seen != value)
        {
            Atomics.Park(word, seen);
        }
    }
}
