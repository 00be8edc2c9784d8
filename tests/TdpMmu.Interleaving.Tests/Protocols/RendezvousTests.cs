using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class RendezvousTests
{
    private const int Seeds = 3000;

    [Fact]
    public void NoSectionActsOnAnOldPolicyAfterTheRendezvous() => Explorer.Explore(Seeds, ChangePolicy);

    [Fact]
    public void RendezvousWithoutTheProcessWideFenceIsCaught() => AssertCaught(ChangePolicy);

    [Fact]
    public void NoWindowUsesAStaleTranslationAfterTheFlush() => Explorer.Explore(Seeds, Flush);

    [Fact]
    public void FlushWithoutTheProcessWideFenceIsCaught() => AssertCaught(Flush);

    [Fact]
    public void NobodyUsesAWithdrawnObject() => Explorer.Explore(Seeds, Withdraw);

    [Fact]
    public void WithdrawalWithoutTheProcessWideFenceIsCaught() => AssertCaught(Withdraw);

    private static void AssertCaught(Action<SeededController> run)
    {
        var failure = Explorer.FirstFailure(Seeds, run, new SeededOptions { Mutation = Mutation.ProcessWideFenceIsLocal });
        Assert.NotNull(failure);
        Assert.Contains("too late", failure.Message, StringComparison.Ordinal);
    }

    private static void ChangePolicy(SeededController controller)
    {
        using var participants = new ParticipantTable(2, 2);
        using var words = new NativeBlock(128);
        using var domain = new EpochDomain(participants, new NoReclaimer());
        var rendezvous = new Rendezvous(participants);
        var policy = words.Word(0);
        var changed = false;

        void Fault(int participant)
        {
            for (var round = 0; round < 3; round++)
            {
                domain.Enter(participant);
                var old = Atomics.LoadAcquire(policy) == 0;
                _ = Atomics.LoadRelaxed(participants.LockLines);
                Assert.False(old && changed, "Acted on the old policy too late.");
                domain.Leave(participant);
            }
        }

        controller.Run(
            () => Fault(0),
            () => Fault(1),
            () =>
            {
                Atomics.StoreRelease(policy, 1);
                rendezvous.WaitForSections();
                changed = true;
            },
            rendezvous.WaitForSections);
    }

    private static void Flush(SeededController controller)
    {
        using var participants = new ParticipantTable(2, 1);
        var rendezvous = new Rendezvous(participants);
        var flushed = new bool[2];

        void Access(int participant, int flushes)
        {
            var served = 0UL;
            for (var round = 0; round < 3; round++)
            {
                var window = participants.Window(participant);
                Atomics.StoreRelease(window, Atomics.LoadRelaxed(window) + 1);
                served = Math.Max(served, Atomics.LoadAcquire(participants.Request(participant)));
                _ = Atomics.LoadRelaxed(participants.LockLines);
                Assert.False(served == 0 && flushed[participant], "Used a stale translation too late.");
                Atomics.StoreRelease(window, Atomics.LoadRelaxed(window) + 1);
            }

            for (; flushes > 0; flushes--)
            {
                FlushOther(participant, 1 - participant);
            }
        }

        void FlushOther(int self, int other)
        {
            Atomics.Add(participants.Request(other), 1);
            rendezvous.WaitForWindows(self);
            flushed[other] = true;
        }

        controller.Run(() => Access(0, 1), () => Access(1, 1), () => FlushOther(2, 0));
    }

    // References are announced inside sections and used outside; a withdrawal waits for the sections and then for the references.
    private static void Withdraw(SeededController controller)
    {
        using var participants = new ParticipantTable(2, 1);
        using var words = new NativeBlock(128);
        using var domain = new EpochDomain(participants, new NoReclaimer());
        var rendezvous = new Rendezvous(participants);
        var (present, identity) = (words.Word(0), words.Word(64).Address);
        Atomics.StoreRelaxed(present, 1);
        var freed = false;

        void Use(int participant)
        {
            for (var round = 0; round < 2; round++)
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
                    _ = Atomics.LoadRelaxed(participants.LockLines);
                    Assert.False(freed, "Used a withdrawn object too late.");
                    Atomics.StoreRelease(participants.Reference(participant), 0);
                }
            }
        }

        controller.Run(
            () => Use(0),
            () => Use(1),
            () =>
            {
                Atomics.StoreRelease(present, 0);
                rendezvous.WaitForSections();
                while (participants.IsReferenced(identity, out var holder))
                {
                    rendezvous.WaitForReference(holder, identity, timeoutNanoseconds: 1_000);
                }

                freed = true;
            });
    }

    private sealed class NoReclaimer : IEpochReclaimer
    {
        public void Reclaim(int participant, nint address, int kind) => throw new InvalidOperationException("Nothing was retired.");
    }
}
