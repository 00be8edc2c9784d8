using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>A policy changes while sections act on it, and an object is withdrawn while others hold references to it.</summary>
internal sealed class RendezvousScenario() : BlockScenario(
    new Mix("reader+changer", static execution => ChangePolicy(execution, readers: 1, rounds: 3, changers: 1)),
    new Mix("reader+reader+changer", static execution => ChangePolicy(execution, readers: 2, rounds: 2, changers: 1)),
    new Mix("reader+changer+changer", static execution => ChangePolicy(execution, readers: 1, rounds: 2, changers: 2)),
    new Mix("holder+withdrawer", static execution => UseReferences(execution, holders: 1, rounds: 2)),
    new Mix("holder+holder+withdrawer", static execution => UseReferences(execution, holders: 2, rounds: 1)))
{
    private const long Step = 1_000;

    internal override string Name => "rendezvous";

    internal override string Summary => "what is published before a rendezvous is seen by every section behind it";

    private static void ChangePolicy(Execution execution, int readers, int rounds, int changers)
    {
        var participants = new ParticipantTable(readers, 1);
        Label(execution, participants);
        var domain = new EpochDomain(participants, new WithdrawingReclaimer());
        var rendezvous = new Rendezvous(participants);
        var policies = new AtomicWord[changers];
        var allowed = new AtomicWord[changers];
        for (var index = 0; index < changers; index++)
        {
            policies[index] = NewWord(execution, $"policy {index}");
            allowed[index] = NewWord(execution, $"what policy {index} allows");
        }

        for (var reader = 0; reader < readers; reader++)
        {
            var participant = reader;
            execution.AddThread($"reader {reader}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    domain.Enter(participant);
                    for (var index = 0; index < changers; index++)
                    {
                        if (Atomics.LoadAcquire(policies[index]) == 0)
                        {
                            _ = Atomics.LoadRelaxed(allowed[index]);
                        }
                    }

                    domain.Leave(participant);
                }
            });
        }

        for (var changer = 0; changer < changers; changer++)
        {
            var index = changer;
            execution.AddThread($"changer {index}", () =>
            {
                Atomics.StoreRelease(policies[index], 1);
                rendezvous.WaitForSections();
                Withdraw(allowed[index]);
            });
        }

        DisposeAtEnd(execution, domain, participants);
    }

    // References are announced inside sections and used outside: the withdrawal waits for the sections first, and then for the references.
    private static void UseReferences(Execution execution, int holders, int rounds)
    {
        var participants = new ParticipantTable(holders, 1);
        Label(execution, participants);
        var domain = new EpochDomain(participants, new WithdrawingReclaimer());
        var rendezvous = new Rendezvous(participants);
        var present = NewWord(execution, "present", 1);
        var held = NewWord(execution, "object");
        for (var holder = 0; holder < holders; holder++)
        {
            var participant = holder;
            execution.AddThread($"holder {holder}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    domain.Enter(participant);
                    var found = Atomics.LoadAcquire(present) == 1;
                    if (found)
                    {
                        Atomics.StoreRelease(participants.Reference(participant), (ulong)held.Address);
                    }

                    domain.Leave(participant);
                    if (found)
                    {
                        _ = Atomics.LoadRelaxed(held);
                        Atomics.StoreRelease(participants.Reference(participant), 0);
                    }
                }
            });
        }

        execution.AddThread("withdrawer", () =>
        {
            Atomics.StoreRelease(present, 0);
            rendezvous.WaitForSections();
            while (participants.IsReferenced(held.Address, out var holder))
            {
                rendezvous.WaitForReference(holder, held.Address, Step);
            }

            Withdraw(held);
        });
        DisposeAtEnd(execution, domain, participants);
    }
}
