using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class RendezvousTests
{
    [Fact]
    public void NoSectionActsOnAnOldPolicyAfterTheRendezvous()
    {
        Exploration.Exhaust(static execution => ChangePolicy(execution, faults: 1, others: 1, Weakness.None));
        Exploration.Bound(static execution => ChangePolicy(execution, faults: 2, others: 1, Weakness.None), 1);
    }

    [Fact]
    public void RendezvousWithoutTheProcessWideFenceIsCaught() =>
        Exploration.AssertFound("too late", static execution => ChangePolicy(execution, faults: 1, others: 0, Weakness.ProcessWideFenceIsLocal));

    [Fact]
    public void NoWindowUsesAStaleTranslationAfterTheFlush()
    {
        Exploration.Exhaust(static execution => Flush(execution, mutual: false, Weakness.None));
        Exploration.Bound(static execution => Flush(execution, mutual: true, Weakness.None), 2);
    }

    [Fact]
    public void FlushWithoutTheProcessWideFenceIsCaught() =>
        Exploration.AssertFound("too late", static execution => Flush(execution, mutual: false, Weakness.ProcessWideFenceIsLocal));

    [Fact]
    public void NobodyUsesAWithdrawnObject()
    {
        Exploration.Exhaust(static execution => Withdraw(execution, users: 1, Weakness.None));
        Exploration.Bound(static execution => Withdraw(execution, users: 2, Weakness.None), 2);
    }

    [Fact]
    public void WithdrawalWithoutTheProcessWideFenceIsCaught() =>
        Exploration.AssertFound("too late", static execution => Withdraw(execution, users: 1, Weakness.ProcessWideFenceIsLocal));

    private static void ChangePolicy(Execution execution, int faults, int others, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(Math.Max(1, faults), 2));
        var domain = execution.Own(new EpochDomain(participants, new NoReclaimer()));
        var rendezvous = new Rendezvous(participants);
        var words = execution.AllocateWords(2);
        var (policy, changed) = (words[0], words[1]);
        for (var fault = 0; fault < faults; fault++)
        {
            var participant = fault;
            execution.AddThread($"fault {fault}", () =>
            {
                for (var round = 0; round < 2; round++)
                {
                    domain.Enter(participant);
                    var old = Atomics.LoadAcquire(policy) == 0;
                    Assert.False(old && Atomics.LoadAcquire(changed) != 0, "Acted on the old policy too late.");
                    domain.Leave(participant);
                }
            });
        }

        execution.AddThread("change", WeakenedController.Weaken(weakness, () =>
        {
            Atomics.StoreRelease(policy, 1);
            rendezvous.WaitForSections();
            Atomics.Exchange(changed, 1);
        }));
        for (; others > 0; others--)
        {
            execution.AddThread($"other {others}", WeakenedController.Weaken(weakness, rendezvous.WaitForSections));
        }
    }

    private static void Flush(Execution execution, bool mutual, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(2, 1));
        var rendezvous = new Rendezvous(participants);
        var flushed = execution.AllocateWords(2);

        void Access(int participant)
        {
            var served = 0UL;
            for (var round = 0; round < 2; round++)
            {
                var window = participants.Window(participant);
                Atomics.StoreRelease(window, Atomics.LoadRelaxed(window) + 1);
                served = Math.Max(served, Atomics.LoadAcquire(participants.Request(participant)));
                Assert.False(served == 0 && Atomics.LoadAcquire(flushed[participant]) != 0, "Used a stale translation too late.");
                Atomics.StoreRelease(window, Atomics.LoadRelaxed(window) + 1);
            }

            if (mutual)
            {
                FlushOther(participant, 1 - participant);
            }
        }

        void FlushOther(int self, int other)
        {
            Atomics.Add(participants.Request(other), 1);
            rendezvous.WaitForWindows(self);
            Atomics.Exchange(flushed[other], 1);
        }

        execution.AddThread("vcpu 0", WeakenedController.Weaken(weakness, () => Access(0)));
        execution.AddThread("vcpu 1", WeakenedController.Weaken(weakness, () =>
        {
            if (mutual)
            {
                Access(1);
            }
            else
            {
                FlushOther(1, 0);
            }
        }));
    }

    // References are announced inside sections and used outside; a withdrawal waits for the sections and then for the references.
    private static void Withdraw(Execution execution, int users, Weakness weakness)
    {
        var participants = execution.Own(new ParticipantTable(users, 1));
        var domain = execution.Own(new EpochDomain(participants, new NoReclaimer()));
        var rendezvous = new Rendezvous(participants);
        var words = execution.AllocateWords(3);
        var (present, identity, freed) = (words[0], words[1].Address, words[2]);
        Atomics.StoreRelaxed(present, 1);
        for (var user = 0; user < users; user++)
        {
            var participant = user;
            execution.AddThread($"user {user}", () =>
            {
                domain.Enter(participant);
                var found = Atomics.LoadAcquire(present) == 1;
                if (found)
                {
                    Atomics.StoreRelease(participants.Reference(participant), (ulong)identity);
                }

                domain.Leave(participant);
                if (found)
                {
                    Assert.True(Atomics.LoadAcquire(freed) == 0, "Used a withdrawn object too late.");
                    Atomics.StoreRelease(participants.Reference(participant), 0);
                }
            });
        }

        execution.AddThread("withdraw", WeakenedController.Weaken(weakness, () =>
        {
            Atomics.StoreRelease(present, 0);
            rendezvous.WaitForSections();
            while (participants.IsReferenced(identity, out var holder))
            {
                rendezvous.WaitForReference(holder, identity, timeoutNanoseconds: 1_000);
            }

            Atomics.Exchange(freed, 1);
        }));
    }
}
