namespace TdpMmu.Concurrency.Tests.Permits;

public sealed class RunPermitsTests : NativeMemoryTest
{
    [Theory]
    [InlineData(2, 2)]
    [InlineData(7, 1)]
    [InlineData(12, 2)]
    [InlineData(64, 2)]
    public void OnlySoManyRunAndEverybodyProgresses(int vcpus, int permits)
    {
        using var participants = new ParticipantTable(vcpus, 1);
        using var runPermits = new RunPermits(participants, permits);
        runPermits.Start();
        var progress = new long[vcpus];
        var running = 0;
        var most = 0;
        var unfinished = vcpus;
        RunTogether([.. Enumerable.Range(0, vcpus).Select<int, Action>(vcpu => () => Guest(vcpu))]);
        Assert.Equal(0, running);
        Assert.True(most <= permits, $"{most} ran at a time.");
        Assert.All(progress, count => Assert.True(count > 0));

        // Runs until everybody has had a turn, so that a vCPU that never gets one hangs the test.
        void Guest(int vcpu)
        {
            var served = 0UL;
            runPermits.Acquire(vcpu);
            for (var round = 0L; Volatile.Read(ref unfinished) > 0; round++)
            {
                Enter();
                Atomics.SpinHint();
                Interlocked.Decrement(ref running);
                if (Atomics.LoadAcquire(participants.Request(vcpu)) is var request && request != served)
                {
                    served = request;
                    runPermits.YieldIfAsked(vcpu);
                }

                if (round % 1000 == 500)
                {
                    runPermits.BeginBlocking(vcpu);
                    if (round % 5000 == 500)
                    {
                        Thread.Sleep(1);
                    }

                    runPermits.EndBlocking(vcpu);
                }

                if (++progress[vcpu] == 1000)
                {
                    Interlocked.Decrement(ref unfinished);
                }
            }

            runPermits.Release(vcpu);
        }

        void Enter()
        {
            var now = Interlocked.Increment(ref running);
            if (now > Volatile.Read(ref most))
            {
                Volatile.Write(ref most, now);
            }
        }
    }

    [Fact]
    public void ManyBlockedVcpusDoNotKeepTheOthersFromRunning()
    {
        const int Vcpus = 8;
        using var participants = new ParticipantTable(Vcpus, 1);
        using var runPermits = new RunPermits(participants, 1);
        using var gate = new NativeBlock(8);
        runPermits.Start();
        var bodies = Enumerable.Range(0, Vcpus).Select<int, Action>(vcpu => () =>
        {
            runPermits.Acquire(vcpu);
            if (vcpu == Vcpus - 1)
            {
                Atomics.StoreRelease(gate.Int(0), 1);
                Atomics.Wake(gate.Int(0), int.MaxValue);
            }
            else
            {
                // Ends only when the last vCPU has run, which needs this one's permit.
                runPermits.BeginBlocking(vcpu);
                while (Atomics.LoadAcquire(gate.Int(0)) == 0)
                {
                    Atomics.Park(gate.Int(0), 0);
                }

                runPermits.EndBlocking(vcpu);
            }

            runPermits.Release(vcpu);
        });
        RunTogether([.. bodies]);
        Assert.Equal(1U, Atomics.LoadRelaxed(gate.Int(0)));
    }

    [Fact]
    public void NothingAllocates()
    {
        using var participants = new ParticipantTable(2, 1);
        using var runPermits = new RunPermits(participants, 1);
        Assert.True(runPermits.IsActive);
        Assert.Equal(0, AllocatedBy(() =>
        {
            runPermits.Acquire(0);
            runPermits.BeginBlocking(0);
            runPermits.EndBlocking(0);
            runPermits.YieldIfAsked(0);
            runPermits.Release(0);
        }));
    }
}
