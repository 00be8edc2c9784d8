using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>More host threads than there are lanes for them.</summary>
internal sealed class LanesScenario() : BlockScenario(
    new Mix("three-for-one", static execution => Lease(execution, threads: 3, lanes: 1, rounds: 1)),
    new Mix("three-for-two", static execution => Lease(execution, threads: 3, lanes: 2, rounds: 1)),
    new Mix("two-for-one-twice", static execution => Lease(execution, threads: 2, lanes: 1, rounds: 2)))
{
    internal override string Name => "lanes";

    internal override string Summary => "a lane has one owner at a time, and who waits for one gets it";

    private static void Lease(Execution execution, int threads, int lanes, int rounds)
    {
        var participants = new ParticipantTable(1, lanes);
        Label(execution, participants);
        for (var thread = 0; thread < threads; thread++)
        {
            execution.AddThread($"thread {thread}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    var lane = participants.LeaseHostLane();
                    Require(lane >= participants.VcpuCount, "A lane is leased that belongs to a vCPU.");

                    // What an owner leaves on the lane's line is there for the next one.
                    CountAlone(participants.LockWaits(lane));
                    participants.ReturnHostLane(lane);
                }
            });
        }

        execution.AtEnd(() =>
        {
            var uses = 0UL;
            for (var lane = participants.VcpuCount; lane < participants.Count; lane++)
            {
                uses += Atomics.LoadRelaxed(participants.LockWaits(lane));
                Require(Atomics.LoadRelaxed(participants.Lease(lane)) == 0, $"Lane {lane} is left leased.");
            }

            Require(uses == (ulong)(threads * rounds), "A lane had two owners.");
        });
        DisposeAtEnd(execution, participants);
    }
}
