using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Readers follow links inside sections while others replace what they lead to, and reclaim it.</summary>
internal sealed class EpochScenario() : BlockScenario(
    new Mix("reader+replacer", static execution => Replace(execution, readers: 1, rounds: 2, replacers: 1)),
    new Mix("reader+reader+replacer", static execution => Replace(execution, readers: 2, rounds: 1, replacers: 1)),
    new Mix("reader+replacer+replacer", static execution => Replace(execution, readers: 1, rounds: 1, replacers: 2)),
    new Mix("reader+waiter", static execution => Synchronize(execution, rounds: 2, waiters: 1, periodsBefore: 0)),
    new Mix("reader+waiter-at-the-last-number", static execution => Synchronize(execution, rounds: 1, waiters: 1, PeriodsBeforeTheEnd)),
    new Mix("reader+waiter+waiter", static execution => Synchronize(execution, rounds: 1, waiters: 2, periodsBefore: 0)))
{
    // Grace periods from the first number to the one whose end is numbered 0.
    private const int PeriodsBeforeTheEnd = 3;

    internal override string Name => "epoch";

    internal override string Summary => "sections, and objects that are retired and reclaimed under them";

    private static void Replace(Execution execution, int readers, int rounds, int replacers)
    {
        var participants = new ParticipantTable(readers, replacers);
        Label(execution, participants);
        var reclaimer = new WithdrawingReclaimer();
        var domain = new EpochDomain(participants, reclaimer);
        var links = new AtomicWord[replacers];
        var next = new AtomicWord[replacers];
        for (var index = 0; index < replacers; index++)
        {
            links[index] = NewWord(execution, $"link {index}", (ulong)NewWord(execution, $"old object {index}").Address);
            next[index] = NewWord(execution, $"new object {index}");
        }

        for (var index = 0; index < readers; index++)
        {
            var participant = index;
            execution.AddThread($"reader {index}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    domain.Enter(participant);
                    foreach (var link in links)
                    {
                        _ = Atomics.LoadRelaxed(WordAt(Atomics.LoadAcquire(link)));
                    }

                    domain.Leave(participant);
                }
            });
        }

        for (var index = 0; index < replacers; index++)
        {
            var (participant, link, fresh) = (readers + index, links[index], next[index]);
            execution.AddThread($"replacer {index}", () =>
            {
                var old = Atomics.LoadRelaxed(link);

                // A plain store, so that nothing but the grace period's fence makes the unlinking visible.
                Atomics.StoreRelease(link, (ulong)fresh.Address);
                domain.Retire(participant, (nint)old, kind: 0);
                _ = domain.TryReclaim(participant);
            });
        }

        execution.AtEnd(() =>
        {
            domain.Drain();
            Require(domain.PendingCount == 0 && reclaimer.Count == replacers, $"{reclaimer.Count} objects of {replacers} were reclaimed.");
        });
        DisposeAtEnd(execution, domain, participants);
    }

    private static void Synchronize(Execution execution, int rounds, int waiters, int periodsBefore)
    {
        var participants = new ParticipantTable(1, waiters);
        Label(execution, participants);
        var domain = new EpochDomain(participants, new WithdrawingReclaimer());
        for (var period = 0; period < periodsBefore; period++)
        {
            domain.Synchronize(0);
        }

        var closed = new AtomicWord[waiters];
        var objects = new AtomicWord[waiters];
        for (var index = 0; index < waiters; index++)
        {
            closed[index] = NewWord(execution, $"closed {index}");
            objects[index] = NewWord(execution, $"object {index}");
        }

        execution.AddThread("reader", () =>
        {
            for (var round = 0; round < rounds; round++)
            {
                domain.Enter(0);
                for (var index = 0; index < waiters; index++)
                {
                    if (Atomics.LoadAcquire(closed[index]) == 0)
                    {
                        _ = Atomics.LoadRelaxed(objects[index]);
                    }
                }

                domain.Leave(0);
            }
        });
        for (var index = 0; index < waiters; index++)
        {
            var number = index;
            execution.AddThread($"waiter {index}", () =>
            {
                Atomics.StoreRelease(closed[number], 1);
                domain.Synchronize(1 + number);
                Withdraw(objects[number]);
            });
        }

        DisposeAtEnd(execution, domain, participants);
    }
}
