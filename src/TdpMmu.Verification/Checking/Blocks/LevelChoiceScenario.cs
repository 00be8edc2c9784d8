using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Interleaving;
using TdpMmu.Machine;
using TdpMmu.Slots;

namespace TdpMmu.Verification;

/// <summary>A fault chooses how large to map while a neighbour of its page is discarded.</summary>
internal sealed class LevelChoiceScenario() : BlockScenario(
    new Mix("fault+discarder", static execution => Choose(execution, faults: 1, discarders: 1)),
    new Mix("fault+fault+discarder", static execution => Choose(execution, faults: 2, discarders: 1)),
    new Mix("fault+discarder+discarder", static execution => Choose(execution, faults: 1, discarders: 2)))
{
    private const ulong FirstDiscarded = 7;
    private const ulong Large = 2;

    private static readonly GfnRange s_range = new(new Gfn(PageGeometry.PagesPer2MiB), PageGeometry.PagesPer2MiB);

    internal override string Name => "level-choice";

    internal override string Summary => "no large mapping brings back a neighbour's page that was discarded";

    private static void Choose(Execution execution, int faults, int discarders)
    {
        var participants = new ParticipantTable(faults, 1);
        Label(execution, participants);
        var states = new PageStates(new Hva(PageGeometry.Size2MiB), PageGeometry.PagesPer2MiB, present: true);
        var ranges = new InvalidationRanges();
        var domain = new EpochDomain(participants, new WithdrawingReclaimer());
        var rendezvous = new Rendezvous(participants);
        var entry = NewWord(execution, "level that is mapped");
        for (var fault = 0; fault < faults; fault++)
        {
            var participant = fault;
            execution.AddThread($"fault {fault}", () => Map(domain, participant, ranges, states, entry));
        }

        for (var discarder = 0; discarder < discarders; discarder++)
        {
            var page = FirstDiscarded + (ulong)discarder;
            execution.AddThread($"discarder {discarder}", () =>
            {
                PublishedRange published;
                while (!ranges.TryPublish(new GfnRange(s_range.Start.Plus(page), 1), Atomics.NoTimeout, out published))
                {
                }

                rendezvous.WaitForSections();
                Atomics.Exchange(entry, 0);
                states.Discard(page, 1);
                Require(Atomics.LoadRelaxed(entry) != Large, "A page that was discarded is mapped.");
                ranges.Withdraw(published);
            });
        }

        execution.AtEnd(() => Require(Atomics.LoadRelaxed(entry) != Large || states.IsBlockPresent(0), "A page that was discarded is mapped."));
        DisposeAtEnd(execution, states, ranges, domain, participants);
    }

    private static unsafe void Map(EpochDomain domain, int participant, InvalidationRanges ranges, PageStates states, AtomicWord entry)
    {
        // SAFETY: the record is on this thread's stack, and the context that points to it does not leave the section.
        var record = new SlotRecord
        {
            BaseFrame = s_range.Start,
            PageCount = s_range.Count,
            BaseHost = new Hva(PageGeometry.Size2MiB),
            MaxLevel = PagingLevel.Page2MiB,
        };
        domain.Enter(participant);
        if (!ranges.Covers(s_range.Start, out _, out _))
        {
            var context = new FaultContext { Record = &record, States = states };
            Atomics.CompareExchange(entry, (ulong)LevelChoice.ForFault<Ept<FourLevel>>(s_range.Start, ref context, ranges).Value, 0);
        }

        domain.Leave(participant);
    }
}
