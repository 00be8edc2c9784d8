using TdpMmu.Concurrency;
using TdpMmu.Slots;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class InvalidationRangesTests
{
    [Fact]
    public void InvalidatorsWaitForAPlaceAndGetIt() => Explorer.Explore(600, controller =>
    {
        const int Places = 64;
        using var ranges = new InvalidationRanges();
        var first = ranges.Publish(new GfnRange(new Gfn(1000), 1));
        for (var place = 1; place < Places; place++)
        {
            Assert.Equal(place, ranges.Publish(new GfnRange(new Gfn(1000), 1)).Place);
        }

        // One place is left for all of them.
        ranges.Withdraw(first);
        var inside = 0;
        var body = () =>
        {
            for (var round = 0; round < 2; round++)
            {
                var place = ranges.Publish(new GfnRange(new Gfn(0), 10));
                Assert.Equal(1, ++inside);
                Assert.True(ranges.Covers(new Gfn(9), out _, out _));
                inside--;
                ranges.Withdraw(place);
            }
        };
        controller.Run(body, body, body);
        Assert.Equal((ulong)Places - 1, ranges.ActiveCount);
        Assert.False(ranges.Covers(new Gfn(9), out _, out _));
    });

    [Fact]
    public void FaultsDoNotMapWhatIsBeingInvalidated() => Explorer.Explore(2000, Invalidate);

    [Fact]
    public void InvalidationWithoutTheProcessWideFenceIsCaught()
    {
        var failure = Explorer.FirstFailure(2000, Invalidate, new SeededOptions { Mutation = Mutation.ProcessWideFenceIsLocal });
        Assert.NotNull(failure);
        Assert.Contains("left mapped", failure.Message, StringComparison.Ordinal);
    }

    // Faults look and map inside a section; the invalidator publishes, waits for sections, and takes the mapping away.
    private static void Invalidate(SeededController controller)
    {
        using var participants = new ParticipantTable(2, 1);
        using var words = new NativeBlock(NativeBlock.LineBytes);
        using var ranges = new InvalidationRanges();
        using var domain = new EpochDomain(participants, new NoReclaimer());
        var rendezvous = new Rendezvous(participants);
        var entry = words.Word(0);

        void Fault(int participant)
        {
            for (var round = 0; round < 2; round++)
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
            }
        }

        controller.Run(
            () => Fault(0),
            () => Fault(1),
            () =>
            {
                var place = ranges.Publish(new GfnRange(new Gfn(4), 2));
                rendezvous.WaitForSections();
                Atomics.Exchange(entry, 0);
                for (var look = 0; look < 4; look++)
                {
                    Assert.True(Atomics.LoadAcquire(entry) == 0, "A page was left mapped while the host changes it.");
                }

                ranges.Withdraw(place);
            });
    }

    private sealed class NoReclaimer : IEpochReclaimer
    {
        public void Reclaim(int participant, nint address, int kind) => throw new InvalidOperationException("Nothing was retired.");
    }
}
