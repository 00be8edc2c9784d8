using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class PageStatesTests
{
    private const int Seeds = 2500;

    [Fact]
    public void PagesHaveOneOwnerAndWaitersWake() => Explorer.Explore(Seeds, Contend);

    [Fact]
    public void WaitersNeedTheWakes()
    {
        var failure = Explorer.FirstFailure(Seeds, Contend, new SeededOptions { Mutation = Mutation.WakeIsLost });
        Assert.NotNull(failure);
        Assert.Contains("All threads are blocked", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WaitersCanBeCalledAwayFromAClaimThatDoesNotEnd() => Explorer.Explore(Seeds / 5, controller =>
    {
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB), 2, present: false);
        Assert.True(states.TryClaim(0));
        var away = 0;
        var wait = () =>
        {
            Assert.True(states.WaitWhileInFlight(0, Atomics.NoTimeout));
            away++;
        };
        controller.Run(
            wait,
            wait,
            () =>
            {
                // A neighbour's end is no reason to leave.
                Assert.True(states.TryClaim(1));
                Assert.True(states.TryPublish(1));
                Assert.Equal(0, away);
                while (away < 2)
                {
                    states.WakeAll(0, 2);
                    Atomics.SpinHint();
                }
            });
        Assert.Equal(PageState.InFlight, states.Get(0));
    });

    [Fact]
    public void DeadSourcePoisonsWhatNobodyClaimed() => Explorer.Explore(Seeds / 2, controller =>
    {
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB), 3, present: false);

        void Wait(ulong page)
        {
            while (states.Request(page) is not (PageState.Present or PageState.Poisoned))
            {
                states.WaitWhileInFlight(page, Atomics.NoTimeout);
            }
        }

        controller.Run(
            () =>
            {
                if (states.TryClaim(1))
                {
                    Assert.True(states.TryPublish(1));
                }
            },
            () => Wait(1),
            () => Wait(2),
            states.PoisonMissing);
        Assert.True(states.Get(1) is PageState.Present or PageState.Poisoned);
        Assert.Equal(PageState.Poisoned, states.Get(0));
        Assert.Equal(PageState.Poisoned, states.Get(2));
    });

    [Fact]
    public void CountsOfLargeBlocksFollowTheStates()
    {
        using var states = new PageStates(new Hva(PageGeometry.Size1GiB), PageGeometry.PagesPer2MiB * PageGeometry.PagesPer2MiB, present: true);
        Explorer.Explore(Seeds / 2, controller =>
        {
            // Two pages of one 2 MiB block and one of its neighbour are what keeps both sizes from being whole.
            ulong[] pages = [3, 4, PageGeometry.PagesPer2MiB];
            foreach (var page in pages)
            {
                states.Discard(page, 1);
            }

            void Toggle(ulong page)
            {
                for (var round = 0; round < 2; round++)
                {
                    if (states.TryClaim(page) && !states.TryPublish(page))
                    {
                        states.Abandon(page);
                    }

                    if (round == 0)
                    {
                        states.Discard(page, 1);
                    }
                }
            }

            controller.Run(() => Toggle(3), () => Toggle(4), () => Toggle(PageGeometry.PagesPer2MiB), () => Toggle(3));
            foreach (var page in pages)
            {
                if (states.TryClaim(page))
                {
                    Assert.False(states.IsHugeBlockPresent(page));
                    Assert.False(states.IsBlockPresent(page));
                    Assert.True(states.TryPublish(page));
                }
            }

            Assert.True(states.IsBlockPresent(3));
            Assert.True(states.IsBlockPresent(PageGeometry.PagesPer2MiB));
            Assert.True(states.IsHugeBlockPresent(0));
        });
    }

    // Two neighbours in one word are claimed, published, given up, discarded and waited for.
    private static void Contend(SeededController controller)
    {
        const int Pages = 2;
        using var states = new PageStates(new Hva(PageGeometry.Size2MiB), Pages, present: false);
        var owners = new int[Pages];

        void Fill(ulong page, bool abandonOnce)
        {
            while (!states.IsPresent(page))
            {
                if (!states.TryClaim(page))
                {
                    Assert.True(states.WaitWhileInFlight(page, Atomics.NoTimeout));
                    continue;
                }

                Assert.Equal(1, ++owners[page]);
                _ = states.Get(page);
                owners[page]--;
                if (abandonOnce || !states.TryPublish(page))
                {
                    // A cancelled claim is still a claim: nobody may have taken the page meanwhile.
                    Assert.Equal(1, ++owners[page]);
                    owners[page]--;
                    states.Abandon(page);
                    abandonOnce = false;
                }
            }
        }

        controller.Run(
            () =>
            {
                Fill(0, abandonOnce: true);
                Fill(1, abandonOnce: false);
            },
            () => Fill(0, abandonOnce: false),
            () => Fill(1, abandonOnce: true),
            () => states.Discard(0, Pages),
            () => states.WakeAll(0, Pages));
        for (var page = 0UL; page < Pages; page++)
        {
            Assert.True(states.Get(page) is PageState.Present or PageState.Missing, $"Page {page} is left {states.Get(page)}.");
        }
    }
}
