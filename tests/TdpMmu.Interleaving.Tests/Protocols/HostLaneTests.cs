using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class HostLaneTests
{
    [Fact]
    public void LanesHaveOneOwnerAndWaitersGetTheNextFreeOne() => Explorer.Explore(2000, Lease);

    [Fact]
    public void WaitersNeedTheWakes()
    {
        var failure = Explorer.FirstFailure(2000, Lease, new SeededOptions { Mutation = Mutation.WakeIsLost });
        Assert.NotNull(failure);
        Assert.Contains("All threads are blocked", failure.Message, StringComparison.Ordinal);
    }

    private static void Lease(SeededController controller)
    {
        using var participants = new ParticipantTable(1, 2);
        var owners = new int[participants.Count];
        var body = () =>
        {
            for (var round = 0; round < 2; round++)
            {
                var lane = participants.LeaseHostLane();
                Assert.True(lane >= participants.VcpuCount);
                Assert.Equal(1, ++owners[lane]);

                // What an owner leaves on the lane's line is seen by the next one.
                var counter = participants.LockWaits(lane);
                Atomics.StoreRelaxed(counter, Atomics.LoadRelaxed(counter) + 1);
                owners[lane]--;
                participants.ReturnHostLane(lane);
            }
        };
        controller.Run(body, body, body, body);
        Assert.Equal(8UL, Atomics.LoadRelaxed(participants.LockWaits(1)) + Atomics.LoadRelaxed(participants.LockWaits(2)));
    }
}
