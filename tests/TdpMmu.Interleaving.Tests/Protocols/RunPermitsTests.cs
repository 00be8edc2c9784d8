using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class RunPermitsTests
{
    [Theory]
    [InlineData(2, 1, 2)]
    [InlineData(3, 1, 1)]
    [InlineData(3, 2, 1)]
    [InlineData(2, 2, 2)]
    public void PermitsAreNeverExceededAndEverybodyFinishes(int vcpus, int permits, int preemptions) =>
        Exploration.Bound(execution => Share(execution, vcpus, permits, Weakness.None), preemptions);

    [Fact]
    public void HandOverNeedsItsWakes() => Exploration.AssertFound("Livelock", static execution => Share(execution, 2, 1, Weakness.WakeIsLost));

    private static void Share(Execution execution, int vcpus, int permits, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(vcpus, 1));
        var runPermits = new RunPermits(participants, permits);
        var running = execution.AllocateWords(1)[0];
        execution.AddThread("machine", WeakenedController.Weaken(weakness, () =>
        {
            runPermits.Start();
            var threads = Enumerable.Range(0, vcpus).Select(vcpu => Atomics.StartThread($"vcpu {vcpu}", () => Guest(vcpu))).ToList();
            foreach (var thread in threads)
            {
                thread.Join();
            }

            runPermits.Dispose();
        }));
        execution.AtEnd(() => Assert.Equal(0UL, Atomics.LoadRelaxed(running)));

        void Guest(int vcpu)
        {
            runPermits.Acquire(vcpu);
            Work();
            if (Atomics.LoadAcquire(participants.Request(vcpu)) != 0)
            {
                runPermits.YieldIfAsked(vcpu);
            }

            runPermits.BeginBlocking(vcpu);
            runPermits.EndBlocking(vcpu);
            Work();
            runPermits.Release(vcpu);
        }

        void Work()
        {
            Assert.True(Atomics.Add(running, 1) <= (ulong)permits, "More vCPUs run than there are permits.");
            Atomics.Add(running, ulong.MaxValue);
        }
    }
}
