using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Pages are claimed, filled, published, given up, discarded, poisoned and waited for.</summary>
internal sealed class PageStatesScenario() : BlockScenario(
    new Mix("filler+filler", static execution => Fill(execution, discards: 0)),
    new Mix("filler+filler+discarder", static execution => Fill(execution, discards: 1)),
    new Mix("publisher+waiter+waiter", static execution => Wait(execution, waiters: 2, neighbour: false, static states => Require(states.TryPublish(Page), "A claim is lost."))),
    new Mix("publisher+waiter+neighbour", static execution => Wait(execution, waiters: 1, neighbour: true, static states => Require(states.TryPublish(Page), "A claim is lost."))),
    new Mix("abandoner+waiter+neighbour", static execution => Wait(execution, waiters: 1, neighbour: true, static states => states.Abandon(Page))),
    new Mix("poisoner+waiter+neighbour", static execution => Wait(execution, waiters: 1, neighbour: true, static states => Require(states.Poison(Page), "A claim is lost."))),
    new Mix("publisher+waiter+discarder", DiscardUnderWaiter),
    new Mix("waiter+deleter", CallAway),
    new Mix("publisher+requester+dead-source", PoisonMissing),
    new Mix("toggler+toggler+toggler", Count))
{
    private const ulong Page = 0;
    private const ulong Neighbour = 1;
    private const ulong Filled = 7;
    private const long Step = 1_000;

    internal override string Name => "page-states";

    internal override string Summary => "a page has one owner at a time, waiters are woken, and counts follow";

    private static PageStates Create(Execution execution, ulong pages, bool present)
    {
        var states = new PageStates(new Hva(PageGeometry.Size1GiB), pages, present);
        execution.Label(states.OwnerGate.Address - (2 * sizeof(uint)), sizeof(uint), "present pages of the block");
        return states;
    }

    // Who claims a page owns its bytes until the claim ends, also when the page is discarded meanwhile.
    private static void Fill(Execution execution, int discards)
    {
        var states = Create(execution, 2, present: false);
        var owner = NewWord(execution, "owner");
        var contents = NewWord(execution, "contents");
        for (var filler = 0; filler < 2; filler++)
        {
            var gaveUp = filler != 0 || discards != 0;
            execution.AddThread($"filler {filler}", () =>
            {
                while (!states.IsPresent(Page))
                {
                    if (!states.TryClaim(Page))
                    {
                        states.WaitWhileInFlight(Page, Atomics.NoTimeout);
                        continue;
                    }

                    Own(owner, contents, Filled);
                    if (!gaveUp || !states.TryPublish(Page))
                    {
                        gaveUp = true;
                        Own(owner, contents, 0);
                        states.Abandon(Page);
                    }
                }

                Require(discards != 0 || Atomics.LoadRelaxed(contents) == Filled, "A page is present before it is filled.");
            });
        }

        if (discards != 0)
        {
            execution.AddThread("discarder", () => states.Discard(Page, 1));
        }

        execution.AtEnd(() => Require(
            states.Get(Page) == PageState.Missing ? discards != 0 : states.IsPresent(Page) && Atomics.LoadRelaxed(contents) == Filled,
            $"The page is left {states.Get(Page)}, with {Atomics.LoadRelaxed(contents)} in it."));
        DisposeAtEnd(execution, states);
    }

    private static void Own(AtomicWord owner, AtomicWord contents, ulong value)
    {
        Require(Atomics.LoadRelaxed(owner) == 0, "A page has two owners.");
        Atomics.StoreRelaxed(owner, 1);
        Atomics.StoreRelaxed(contents, value);
        Atomics.StoreRelaxed(owner, 0);
    }

    // The page is claimed when the threads begin: a wait that does not end is a wake-up that was lost.
    private static void Wait(Execution execution, int waiters, bool neighbour, Action<PageStates> end)
    {
        var states = Create(execution, 2, present: false);
        var contents = NewWord(execution, "contents");
        Require(states.TryClaim(Page), "A missing page cannot be claimed.");
        execution.AddThread("owner", () =>
        {
            Atomics.StoreRelaxed(contents, Filled);
            end(states);
        });
        for (var waiter = 0; waiter < waiters; waiter++)
        {
            execution.AddThread($"waiter {waiter}", () =>
            {
                states.WaitWhileInFlight(Page, Atomics.NoTimeout);
                Require(states.Get(Page) is not (PageState.InFlight or PageState.Cancelled), "A wait has ended before the claim.");
                Require(Atomics.LoadRelaxed(contents) == Filled, "A claim has ended before its owner's last store.");
            });
        }

        if (neighbour)
        {
            execution.AddThread("neighbour", () => Require(states.TryClaim(Neighbour) && states.TryPublish(Neighbour), "A neighbour's page cannot be filled."));
        }

        execution.AtEnd(() => Require(!neighbour || states.IsPresent(Neighbour), "A neighbour's change is lost."));
        DisposeAtEnd(execution, states);
    }

    private static void DiscardUnderWaiter(Execution execution)
    {
        var states = Create(execution, 2, present: false);
        Require(states.TryClaim(Page), "A missing page cannot be claimed.");
        execution.AddThread("owner", () =>
        {
            if (!states.TryPublish(Page))
            {
                Require(states.Get(Page) == PageState.Cancelled, "A claim was taken away from its owner.");
                states.Abandon(Page);
            }
        });
        execution.AddThread("waiter", () => states.WaitWhileInFlight(Page, Atomics.NoTimeout));
        execution.AddThread("discarder", () => states.Discard(Page, 2));
        execution.AtEnd(() => Require(states.Get(Page) == PageState.Missing, $"The page is left {states.Get(Page)}."));
        DisposeAtEnd(execution, states);
    }

    // As a slot is deleted: the claim does not end, and who waits for it has to give its reference up all the same.
    private static void CallAway(Execution execution)
    {
        var participants = new ParticipantTable(1, 1);
        Label(execution, participants);
        var states = Create(execution, 2, present: false);
        var reference = participants.Reference(0);
        Require(states.TryClaim(Page), "A missing page cannot be claimed.");
        Atomics.StoreRelaxed(reference, 1);
        execution.AddThread("waiter", () =>
        {
            states.WaitWhileInFlight(Page, Atomics.NoTimeout);
            Atomics.StoreRelease(reference, 0);
        });
        execution.AddThread("deleter", () =>
        {
            var rendezvous = new Rendezvous(participants);
            while (participants.IsReferenced(1, out var holder))
            {
                states.WakeAll(Page, 2);
                rendezvous.WaitForReference(holder, 1, Step);
            }
        });
        DisposeAtEnd(execution, states, participants);
    }

    private static void PoisonMissing(Execution execution)
    {
        var states = Create(execution, 3, present: false);
        execution.AddThread("publisher", () =>
        {
            if (states.TryClaim(1))
            {
                Require(states.TryPublish(1), "A claim is lost.");
            }
        });
        execution.AddThread("requester", () =>
        {
            states.Request(1);
            states.Request(2);
        });
        execution.AddThread("dead source", states.PoisonMissing);
        execution.AtEnd(() =>
        {
            Require(states.Get(1) is PageState.Present or PageState.Poisoned, $"A page is left {states.Get(1)}.");
            Require(states.Get(0) == PageState.Poisoned && states.Get(2) == PageState.Poisoned, "A page that cannot come is not poisoned.");
        });
        DisposeAtEnd(execution, states);
    }

    private static void Count(Execution execution)
    {
        const ulong Block = PageGeometry.PagesPer2MiB;
        var states = Create(execution, 2 * Block, present: true);
        foreach (var page in (ReadOnlySpan<ulong>)[3, 4, Block])
        {
            var toggled = page;
            execution.AddThread($"toggler of {page}", () =>
            {
                states.Discard(toggled, 1);
                Require(states.TryClaim(toggled) && states.TryPublish(toggled), "A page cannot be filled again.");
            });
        }

        execution.AtEnd(() =>
        {
            Require(states.IsBlockPresent(3) && states.IsBlockPresent(Block), "All pages of a block are present, and it does not count as whole.");
            foreach (var page in (ReadOnlySpan<ulong>)[3, 4, Block])
            {
                states.Discard(page, 1);
                Require(!states.IsBlockPresent(page), "A page is missing, and its block counts as whole.");
                Require(states.TryClaim(page) && states.TryPublish(page), "A page cannot be filled again.");
            }
        });
        DisposeAtEnd(execution, states);
    }
}
