using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class EpochTests
{
    private const ulong Poison = 0xDEAD;

    [Fact]
    public void ReaderNeverSeesAReclaimedObject() => Exploration.Exhaust(static execution => Replace(execution, 1, 1, Weakness.None));

    [Fact]
    public void ReadersNeverSeeAReclaimedObject() => Exploration.Bound(static execution => Replace(execution, 2, 1, Weakness.None), 1);

    [Fact]
    public void AnnouncementWithoutTheReclaimersFenceIsCaught() =>
        Exploration.AssertFound("reclaimed object", static execution => Replace(execution, 1, 1, Weakness.ProcessWideFenceIsLocal));

    [Fact]
    public void SynchronizingThreadWaitsForReadersAndForNothingElse() => Exploration.Exhaust(static execution => Synchronize(execution, 2, 1, Weakness.None));

    [Fact]
    public void SynchronizingThreadsWaitForReadersAndForNothingElse() => Exploration.Bound(static execution => Synchronize(execution, 2, 2, Weakness.None), 1);

    [Fact]
    public void SynchronizeWithoutTheFenceIsCaught() =>
        Exploration.AssertFound("outlived", static execution => Synchronize(execution, 1, 1, Weakness.ProcessWideFenceIsLocal));

    // Readers follow a link whose target a writer each replaces; a reclaimed target is poisoned.
    private static void Replace(Execution execution, int pairs, int rounds, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(2 * pairs, 1));
        var reclaimer = new Poisoner();
        var domain = execution.Own(new EpochDomain(participants, reclaimer));
        var links = execution.AllocateWords(pairs);
        for (var pair = 0; pair < pairs; pair++)
        {
            var link = links[pair];
            var objects = execution.AllocateWords(1 + rounds);
            Atomics.StoreRelaxed(link, (ulong)objects[0].Address);
            var (reader, writer) = (pair, pairs + pair);
            execution.AddThread($"reader {pair}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    domain.Enter(reader);
                    var target = Exploration.At((nint)Atomics.LoadAcquire(link));
                    Assert.True(Atomics.LoadRelaxed(target) != Poison, "A reader saw a reclaimed object.");
                    domain.Leave(reader);
                }
            });
            execution.AddThread($"writer {pair}", WeakenedController.Weaken(weakness, () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    var old = Atomics.LoadRelaxed(link);

                    // A plain store, so that nothing but the grace period's fence makes the unlinking visible.
                    Atomics.StoreRelease(link, (ulong)objects[1 + round].Address);
                    domain.Retire(writer, (nint)old, round);
                    _ = domain.TryReclaim(writer);
                }
            }));
        }

        execution.AtEnd(() =>
        {
            domain.Drain();
            Assert.Equal(0, domain.PendingCount);
            Assert.Equal(pairs * rounds, reclaimer.Count);
        });
    }

    // Threads that synchronize at the same time, with readers that come and go between their looks.
    private static void Synchronize(Execution execution, int readers, int closers, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(readers + closers, 1));
        var domain = execution.Own(new EpochDomain(participants, new Poisoner()));
        var sides = execution.AllocateWords(closers);
        var finished = execution.AllocateWords(closers);
        for (var reader = 0; reader < readers; reader++)
        {
            var participant = reader;
            execution.AddThread($"reader {reader}", () =>
            {
                domain.Enter(participant);
                for (var side = 0; side < closers; side++)
                {
                    var sawOpen = Atomics.LoadAcquire(sides[side]) == 0;
                    Assert.False(sawOpen && Atomics.LoadAcquire(finished[side]) != 0, "A reader that saw the old state outlived the grace period.");
                }

                domain.Leave(participant);
            });
        }

        for (var closer = 0; closer < closers; closer++)
        {
            var (participant, side) = (readers + closer, closer);
            execution.AddThread($"closer {closer}", WeakenedController.Weaken(weakness, () =>
            {
                Atomics.StoreRelease(sides[side], 1);
                domain.Synchronize(participant);
                Atomics.Exchange(finished[side], 1);
            }));
        }
    }

    private sealed class Poisoner : IEpochReclaimer
    {
        internal int Count { get; private set; }

        public void Reclaim(int participant, nint address, int kind)
        {
            Atomics.StoreRelease(Exploration.At(address), Poison);
            Count++;
        }
    }
}
