using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.Slots;

namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>A fault chooses how large to map while a neighbour of its page is discarded.</summary>
public sealed class LevelChoiceTests
{
    private const ulong Discarded = 7;

    private static readonly GfnRange s_range = new(new Gfn(PageGeometry.PagesPer2MiB), PageGeometry.PagesPer2MiB);

    private delegate PagingLevel Choice(ref FaultContext context, InvalidationRanges ranges);

    [Fact]
    public void NoLargeMappingBringsADiscardedPageBack() => Exploration.Exhaust(static execution => Arrange(execution, Choose));

    [Fact]
    public void PagesThatAreLookedAtBeforeTheRangesAreCaught() => Exploration.AssertFound(
        "is mapped",
        static execution => Arrange(execution, static (ref context, ranges) =>
            context.States!.IsRangePresent(0, s_range.Count) && !ranges.Overlaps(s_range) ? PagingLevel.Page2MiB : PagingLevel.Page4KiB),
        MemoryModel.SequentiallyConsistent);

    private static PagingLevel Choose(ref FaultContext context, InvalidationRanges ranges) =>
        LevelChoice.ForFault<Ept<FourLevel>>(s_range.Start, ref context, ranges);

    private static unsafe void Arrange(Execution execution, Choice choose)
    {
        var states = execution.Own(new PageStates(new Hva(PageGeometry.Size2MiB), PageGeometry.PagesPer2MiB, present: true));
        var participants = execution.Own(new ParticipantTable(1, 1));
        var ranges = execution.Own(new InvalidationRanges());
        var domain = execution.Own(new EpochDomain(participants, new NoReclaimer()));
        var rendezvous = new Rendezvous(participants);
        var entry = execution.AllocateWords(1)[0];
        execution.AddThread("fault", () =>
        {
            // SAFETY: the record is on this thread's stack, and the context that points to it does not leave the section.
            var record = new SlotRecord
            {
                BaseFrame = s_range.Start,
                PageCount = s_range.Count,
                BaseHost = new Hva(PageGeometry.Size2MiB),
                MaxLevel = PagingLevel.Page2MiB,
            };
            domain.Enter(0);
            if (!ranges.Covers(s_range.Start, out _, out _))
            {
                var context = new FaultContext { Record = &record, States = states };
                Atomics.CompareExchange(entry, (ulong)choose(ref context, ranges).Value, 0);
            }

            domain.Leave(0);
        });
        execution.AddThread("discard", () =>
        {
            var published = ranges.Publish(new GfnRange(s_range.Start.Plus(Discarded), 1));
            rendezvous.WaitForSections();
            Atomics.Exchange(entry, 0);
            states.Discard(Discarded, 1);
            ranges.Withdraw(published);
        });
        execution.AtEnd(() => Assert.True(Atomics.LoadAcquire(entry) != 2 || states.IsPresent(Discarded), "A page that was discarded is mapped."));
    }
}
