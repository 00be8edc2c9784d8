using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using TdpMmu.Slots;

namespace TdpMmu.Verification;

/// <summary>Faults map what the host has while invalidations take the mapping away and change the host.</summary>
internal sealed class InvalidationRangesScenario() : BlockScenario(
    new Mix("fault+invalidation", static execution => Invalidate(execution, faults: 1, rounds: 2, invalidations: 1)),
    new Mix("fault+fault+invalidation", static execution => Invalidate(execution, faults: 2, rounds: 1, invalidations: 1)),
    new Mix("fault+invalidation+invalidation", static execution => Invalidate(execution, faults: 1, rounds: 1, invalidations: 2)),
    new Mix("three-for-one-place", static execution => ShareOnePlace(execution, invalidations: 3)))
{
    private const int Places = 64;

    private static readonly Gfn s_frame = new(5);

    internal override string Name => "invalidation-ranges";

    internal override string Summary => "nobody maps a page that the host is changing, and who waits for a place gets one";

    private static void Invalidate(Execution execution, int faults, int rounds, int invalidations)
    {
        var participants = new ParticipantTable(faults, 1);
        Label(execution, participants);
        var ranges = new InvalidationRanges();
        var domain = new EpochDomain(participants, new WithdrawingReclaimer());
        var rendezvous = new Rendezvous(participants);
        var entry = NewWord(execution, "entry");
        var host = NewWord(execution, "host's page", 1);
        for (var fault = 0; fault < faults; fault++)
        {
            var participant = fault;
            execution.AddThread($"fault {fault}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    domain.Enter(participant);
                    if (!ranges.Covers(s_frame, out var place, out var phase))
                    {
                        Atomics.CompareExchange(entry, Atomics.LoadRelaxed(host), 0);
                        domain.Leave(participant);
                    }
                    else
                    {
                        domain.Leave(participant);
                        ranges.AwaitEnd(place, phase, Atomics.NoTimeout);
                    }
                }
            });
        }

        for (var invalidation = 0; invalidation < invalidations; invalidation++)
        {
            var page = 2 + (ulong)invalidation;
            execution.AddThread($"invalidation {invalidation}", () =>
            {
                var published = Publish(ranges, new GfnRange(new Gfn(4), 2));
                rendezvous.WaitForSections();
                Atomics.Exchange(entry, 0);
                Atomics.StoreRelaxed(host, page);
                Require(Atomics.LoadRelaxed(entry) == 0, "A page is mapped while the host changes it.");
                ranges.Withdraw(published);
            });
        }

        execution.AtEnd(() => Require(
            ranges.ActiveCount == 0 && (Atomics.LoadRelaxed(entry) == 0 || Atomics.LoadRelaxed(entry) == Atomics.LoadRelaxed(host)),
            "A page is mapped that the host has replaced."));
        DisposeAtEnd(execution, ranges, domain, participants);
    }

    private static void ShareOnePlace(Execution execution, int invalidations)
    {
        var ranges = new InvalidationRanges();
        for (var place = 1; place < Places; place++)
        {
            Publish(ranges, new GfnRange(new Gfn(1000), 1));
        }

        var counter = NewWord(execution, "counter");
        for (var invalidation = 0; invalidation < invalidations; invalidation++)
        {
            execution.AddThread($"invalidation {invalidation}", () =>
            {
                var published = Publish(ranges, new GfnRange(s_frame, 1));
                CountAlone(counter);
                Require(ranges.Covers(s_frame, out _, out _), "A range is published and not found.");
                ranges.Withdraw(published);
            });
        }

        execution.AtEnd(() => Require(
            Atomics.LoadRelaxed(counter) == (ulong)invalidations && ranges.ActiveCount == Places - 1, "A place had two owners, or ranges are miscounted."));
        DisposeAtEnd(execution, ranges);
    }

    private static PublishedRange Publish(InvalidationRanges ranges, GfnRange range)
    {
        PublishedRange published;
        while (!ranges.TryPublish(range, Atomics.NoTimeout, out published))
        {
        }

        return published;
    }
}
