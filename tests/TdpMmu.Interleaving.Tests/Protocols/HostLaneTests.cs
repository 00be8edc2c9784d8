using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class HostLaneTests
{
    [Fact]
    public void LaneHasOneOwnerAndWaiterGetsIt() => Exploration.Exhaust(static execution => Lease(execution, threads: 2, lanes: 1, Weakness.None));

    [Fact]
    public void LanesHaveOneOwnerAndWaitersGetTheNextFreeOne() => Exploration.Bound(static execution => Lease(execution, threads: 3, lanes: 2, Weakness.None), 2);

    [Fact]
    public void WaitersNeedTheWakes() =>
        Exploration.AssertFound("Deadlock", static execution => Lease(execution, threads: 2, lanes: 1, Weakness.WakeIsLost));

    private static void Lease(Execution execution, int threads, int lanes, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(1, lanes));
        for (var thread = 0; thread < threads; thread++)
        {
            execution.AddThread($"host {thread}", WeakenedController.Weaken(weakness, () =>
            {
                var lane = participants.LeaseHostLane();
                Assert.True(lane >= participants.VcpuCount);

                // What an owner leaves on the lane's line is seen by the next one: without that, or with two owners, an addition is lost.
                var counter = participants.LockWaits(lane);
                Atomics.StoreRelaxed(counter, Atomics.LoadRelaxed(counter) + 1);
                participants.ReturnHostLane(lane);
            }));
        }

        execution.AtEnd(() => Assert.Equal(
            threads,
            Enumerable.Range(1, lanes).Sum(lane => (int)Atomics.LoadRelaxed(participants.LockWaits(lane)))));
    }
}
