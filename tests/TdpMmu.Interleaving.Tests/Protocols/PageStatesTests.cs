using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class PageStatesTests
{
    [Fact]
    public void PageHasOneOwnerAndWaiterWakes()
    {
        Exploration.Exhaust(static execution => Contend(execution, fillers: 2, discards: false, Weakness.None));
        Exploration.Bound(static execution => Contend(execution, fillers: 2, discards: true, Weakness.None), 2);
    }

    [Fact]
    public void WaitersNeedTheWakes() =>
        Exploration.AssertFound("Deadlock", static execution => Contend(execution, fillers: 2, discards: false, Weakness.WakeIsLost));

    [Fact]
    public void WaiterCanBeCalledAwayFromAClaimThatDoesNotEnd() => Exploration.Exhaust(static execution =>
    {
        var states = execution.Own(new PageStates(new Hva(PageGeometry.Size2MiB), 2, present: false));
        var away = execution.AllocateWords(1)[0];
        Assert.True(states.TryClaim(0));
        execution.AddThread("waiter", () =>
        {
            Assert.True(states.WaitWhileInFlight(0, Atomics.NoTimeout));
            Atomics.Exchange(away, 1);
        });
        execution.AddThread("caller", () =>
        {
            // A neighbour's end is no reason to leave.
            Assert.True(states.TryClaim(1));
            Assert.True(states.TryPublish(1));
            Assert.Equal(0UL, Atomics.LoadAcquire(away));
            states.WakeAll(0, 2);

            // Who was about to wait when it was called away has to be called again.
            if (!Atomics.AwaitChange(away, 0, 1_000))
            {
                states.WakeAll(0, 2);
                Atomics.AwaitChange(away, 0);
            }
        });
        execution.AtEnd(() => Assert.Equal(PageState.InFlight, states.Get(0)));
    });

    [Fact]
    public void DeadSourcePoisonsWhatNobodyClaimed() => Exploration.Bound(
        static execution =>
        {
            var states = execution.Own(new PageStates(new Hva(PageGeometry.Size2MiB), 3, present: false));

            void Wait(ulong page)
            {
                while (states.Request(page) is not (PageState.Present or PageState.Poisoned) and var state)
                {
                    if (state == PageState.InFlight)
                    {
                        states.WaitWhileInFlight(page, Atomics.NoTimeout);
                    }
                    else
                    {
                        Atomics.SpinHint();
                    }
                }
            }

            execution.AddThread("owner", () =>
            {
                if (states.TryClaim(1))
                {
                    Assert.True(states.TryPublish(1));
                }
            });
            execution.AddThread("waiter 1", () => Wait(1));
            execution.AddThread("waiter 2", () => Wait(2));
            execution.AddThread("source", states.PoisonMissing);
            execution.AtEnd(() =>
            {
                Assert.True(states.Get(1) is PageState.Present or PageState.Poisoned);
                Assert.Equal(PageState.Poisoned, states.Get(0));
                Assert.Equal(PageState.Poisoned, states.Get(2));
            });
        },
        preemptions: 1);

    [Fact]
    public void CountsOfLargeBlocksFollowTheStates() => Exploration.Bound(
        static execution =>
        {
            // Two pages of one 2 MiB block and one of its neighbour are what keeps both sizes from being whole.
            const ulong Pages = 2 * PageGeometry.PagesPer2MiB;
            ulong[] pages = [3, 4, PageGeometry.PagesPer2MiB];
            var states = execution.Own(new PageStates(new Hva(PageGeometry.Size1GiB), Pages, present: true));
            foreach (var page in pages)
            {
                states.Discard(page, 1);
                execution.AddThread($"toggle {page}", () =>
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
                });
            }

            execution.AtEnd(() =>
            {
                foreach (var page in pages)
                {
                    Assert.True(states.IsPresent(page) || (states.TryClaim(page) && states.TryPublish(page)));
                }

                Assert.True(states.IsBlockPresent(3));
                Assert.True(states.IsBlockPresent(PageGeometry.PagesPer2MiB));
            });
        },
        preemptions: 1);

    // A page is claimed, given up, published, discarded and waited for.
    private static void Contend(Execution execution, int fillers, bool discards, Weakness weakness)
    {
        var states = execution.Own(new PageStates(new Hva(PageGeometry.Size2MiB), 2, present: false));
        var owners = execution.AllocateWords(1)[0];
        for (var filler = 0; filler < fillers; filler++)
        {
            var abandons = filler == 0;
            execution.AddThread($"filler {filler}", WeakenedController.Weaken(weakness, () => Fill(abandons)));
        }

        if (discards)
        {
            execution.AddThread("discarder", WeakenedController.Weaken(weakness, () => states.Discard(0, 2)));
        }

        execution.AtEnd(() => Assert.True(states.Get(0) is PageState.Present or PageState.Missing, $"The page is left {states.Get(0)}."));

        void Fill(bool abandonOnce)
        {
            while (!states.IsPresent(0))
            {
                if (!states.TryClaim(0))
                {
                    Assert.True(states.WaitWhileInFlight(0, Atomics.NoTimeout));
                    continue;
                }

                Assert.Equal(1UL, Atomics.Add(owners, 1));
                var abandons = abandonOnce;
                abandonOnce = false;
                Atomics.Add(owners, ulong.MaxValue);
                if (abandons || !states.TryPublish(0))
                {
                    // A cancelled claim is still a claim: nobody may have taken the page meanwhile.
                    Assert.Equal(1UL, Atomics.Add(owners, 1));
                    Atomics.Add(owners, ulong.MaxValue);
                    states.Abandon(0);
                }
            }
        }
    }
}
