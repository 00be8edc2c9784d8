using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class RunPermitsTests
{
    private const int Seeds = 700;

    [Theory]
    [InlineData(3, 1, 100_000)]
    [InlineData(5, 2, 100_000)]
    [InlineData(3, 1, 1_000)]
    [InlineData(2, 2, 100_000)]
    public void PermitsAreNeverExceededAndEverybodyFinishes(int vcpus, int permits, long nanosecondsPerOperation) => Explorer.Explore(
        Seeds,
        controller => Share(controller, vcpus, permits),
        new SeededOptions { NanosecondsPerOperation = nanosecondsPerOperation });

    [Fact]
    public void HandOverNeedsItsWakes()
    {
        var options = new SeededOptions { Mutation = Mutation.WakeIsLost, NanosecondsPerOperation = 100_000, StepLimit = 20_000 };
        Assert.NotNull(Explorer.FirstFailure(50, controller => Share(controller, 3, 1), options));
    }

    private static void Share(SeededController controller, int vcpus, int permits)
    {
        using var participants = new ParticipantTable(vcpus, 1);
        var running = 0;
        controller.Run(() =>
        {
            using var runPermits = new RunPermits(participants, permits);
            runPermits.Start();
            var threads = Enumerable.Range(0, vcpus).Select(vcpu => Atomics.StartThread($"vcpu {vcpu}", () => Guest(runPermits, vcpu))).ToList();
            foreach (var thread in threads)
            {
                thread.Join();
            }
        });
        Assert.Equal(0, running);

        void Guest(RunPermits runPermits, int vcpu)
        {
            var served = 0UL;
            runPermits.Acquire(vcpu);
            for (var round = 0; round < 3; round++)
            {
                Work(vcpu);
                if (Atomics.LoadAcquire(participants.Request(vcpu)) is var request && request != served)
                {
                    served = request;
                    runPermits.YieldIfAsked(vcpu);
                }

                runPermits.BeginBlocking(vcpu);
                for (var delay = 0; delay < 4; delay++)
                {
                    _ = Atomics.LoadRelaxed(participants.Request(vcpu));
                }

                runPermits.EndBlocking(vcpu);
                Work(vcpu);
            }

            runPermits.Release(vcpu);
        }

        void Work(int vcpu)
        {
            Assert.True(++running <= permits, "More vCPUs run than there are permits.");
            _ = Atomics.LoadRelaxed(participants.Window(vcpu));
            running--;
        }
    }
}
