using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.Slots;

namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>A fault chooses how large to map while a neighbour of its page is discarded.</summary>
public sealed class LevelChoiceTests
{
    private const int Seeds = 3000;
    private const ulong Discarded = 7;

    private static readonly GfnRange s_range = new(new Gfn(PageGeometry.PagesPer2MiB), PageGeometry.PagesPer2MiB);

    private delegate PagingLevel Choice(ref FaultContext context, InvalidationRanges ranges);

    [Fact]
    public void NoLargeMappingBringsADiscardedPageBack() => Explore((controller, states) => Run(controller, states, Choose));

    [Fact]
    public void PagesThatAreLookedAtBeforeTheRangesAreCaught()
    {
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB), PageGeometry.PagesPer2MiB, present: true);
        var failure = Explorer.FirstFailure(
            Seeds,
            controller => Run(controller, states, static (ref context, ranges) =>
                context.States!.IsRangePresent(0, s_range.Count) && !ranges.Overlaps(s_range) ? PagingLevel.Page2MiB : PagingLevel.Page4KiB),
            new SeededOptions());
        Assert.NotNull(failure);
        Assert.Contains("is mapped", failure.Message, StringComparison.Ordinal);
    }

    private static void Explore(Action<SeededController, PageStates> body)
    {
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB), PageGeometry.PagesPer2MiB, present: true);
        Explorer.Explore(Seeds, controller => body(controller, states));
    }

    private static PagingLevel Choose(ref FaultContext context, InvalidationRanges ranges) =>
        LevelChoice.ForFault<Ept<FourLevel>>(s_range.Start, ref context, ranges);

    private static unsafe void Run(SeededController controller, PageStates states, Choice choose)
    {
        using var participants = new ParticipantTable(1, 1);
        using var words = new NativeBlock(NativeBlock.LineBytes);
        using var ranges = new InvalidationRanges();
        using var domain = new EpochDomain(participants, new NoReclaimer());
        var rendezvous = new Rendezvous(participants);
        var entry = words.Word(0);
        if (states.TryClaim(Discarded))
        {
            Assert.True(states.TryPublish(Discarded));
        }

        controller.Run(
            () =>
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
            },
            () =>
            {
                var published = ranges.Publish(new GfnRange(s_range.Start.Plus(Discarded), 1));
                rendezvous.WaitForSections();
                Atomics.Exchange(entry, 0);
                states.Discard(Discarded, 1);
                ranges.Withdraw(published);
            });
        Assert.True(Atomics.LoadAcquire(entry) != 2 || states.IsPresent(Discarded), "A page that was discarded is mapped.");
    }

    private sealed class NoReclaimer : IEpochReclaimer
    {
        public void Reclaim(int participant, nint address, int kind) => throw new InvalidOperationException("Nothing was retired.");
    }
}
