using TdpMmu.Concurrency;
using TdpMmu.Slots;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class InvalidationRangesTests
{
    [Fact]
    public void InvalidatorsWaitForAPlaceAndGetIt() => Exploration.Bound(
        static execution =>
        {
            const int Places = 64;
            var ranges = execution.Own(new InvalidationRanges());
            var first = ranges.Publish(new GfnRange(new Gfn(1000), 1));
            for (var place = 1; place < Places; place++)
            {
                Assert.Equal(place, ranges.Publish(new GfnRange(new Gfn(1000), 1)).Place);
            }

            // One place is left for all of them.
            ranges.Withdraw(first);
            var inside = execution.AllocateWords(1)[0];
            for (var thread = 0; thread < 2; thread++)
            {
                execution.AddThread($"invalidator {thread}", () =>
                {
                    var place = ranges.Publish(new GfnRange(new Gfn(0), 10));
                    Assert.Equal(1UL, Atomics.Add(inside, 1));
                    Assert.True(ranges.Covers(new Gfn(9), out _, out _));
                    Atomics.Add(inside, ulong.MaxValue);
                    ranges.Withdraw(place);
                });
            }

            execution.AtEnd(() =>
            {
                Assert.Equal((ulong)Places - 1, ranges.ActiveCount);
                Assert.False(ranges.Covers(new Gfn(9), out _, out _));
            });
        },
        preemptions: 1);

    [Fact]
    public void FaultsDoNotMapWhatIsBeingInvalidated()
    {
        Exploration.Exhaust(static execution => Invalidate(execution, faults: 1, Weakness.None));
        Exploration.Bound(static execution => Invalidate(execution, faults: 2, Weakness.None), 2);
    }

    [Fact]
    public void InvalidationWithoutTheProcessWideFenceIsCaught() =>
        Exploration.AssertFound("left mapped", static execution => Invalidate(execution, faults: 1, Weakness.ProcessWideFenceIsLocal));

    // Faults look and map inside a section; the invalidator publishes, waits for sections, and takes the mapping away.
    private static void Invalidate(Execution execution, int faults, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(faults, 1));
        var ranges = execution.Own(new InvalidationRanges());
        var domain = execution.Own(new EpochDomain(participants, new NoReclaimer()));
        var rendezvous = new Rendezvous(participants);
        var entry = execution.AllocateWords(1)[0];
        for (var fault = 0; fault < faults; fault++)
        {
            var participant = fault;
            execution.AddThread($"fault {fault}", () =>
            {
                domain.Enter(participant);
                if (!ranges.Covers(new Gfn(5), out var place, out var phase))
                {
                    Atomics.CompareExchange(entry, 1, 0);
                    domain.Leave(participant);
                }
                else
                {
                    domain.Leave(participant);
                    ranges.AwaitEnd(place, phase, Atomics.NoTimeout);
                }
            });
        }

        execution.AddThread("invalidator", WeakenedController.Weaken(weakness, () =>
        {
            var place = ranges.Publish(new GfnRange(new Gfn(4), 2));
            rendezvous.WaitForSections();
            Atomics.Exchange(entry, 0);
            for (var look = 0; look < 2; look++)
            {
                Assert.True(Atomics.LoadAcquire(entry) == 0, "A page was left mapped while the host changes it.");
            }

            ranges.Withdraw(place);
        }));
    }
}
