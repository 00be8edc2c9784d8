using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Shared and exclusive sections of one lock policy.</summary>
/// <typeparam name="TLock">The policy.</typeparam>
/// <param name="sharedTogether">Whether shared sections may overlap each other.</param>
internal sealed class LockScenario<TLock>(bool sharedTogether) : BlockScenario(MixesOf(sharedTogether))
    where TLock : struct, IMmuLock<TLock>
{
    internal override string Name => $"{TLock.Name}-lock";

    internal override string Summary => TLock.Excludes
        ? "exclusive sections exclude, waiters are woken, and what sections unlink outlives them"
        : "sections exclude nothing and wait for nothing, and what they unlink outlives them";

    private static Mix[] MixesOf(bool sharedTogether)
    {
        Mix[] always =
        [
            new("walker+unlinker", static execution => Unlink(execution, walkers: 1)),
            new("walker+walker+unlinker", static execution => Unlink(execution, walkers: 2)),
        ];
        return !TLock.Excludes ? always :
        [
            new("shared+exclusive", execution => Contend(execution, sharedTogether, shared: 1, exclusive: 1, rounds: 1)),
            new("shared+exclusive-twice", execution => Contend(execution, sharedTogether, shared: 1, exclusive: 1, rounds: 2)),
            new("shared+shared+exclusive", execution => Contend(execution, sharedTogether, shared: 2, exclusive: 1, rounds: 1)),
            new("shared+exclusive+exclusive", execution => Contend(execution, sharedTogether, shared: 1, exclusive: 2, rounds: 1)),
            new("exclusive+exclusive", execution => Contend(execution, sharedTogether, shared: 0, exclusive: 2, rounds: 2)),
            .. always,
        ];
    }

    private static void Contend(Execution execution, bool sharedTogether, int shared, int exclusive, int rounds)
    {
        execution.ShareOnlyMemory();
        var participants = new ParticipantTable(shared, Math.Max(exclusive, 1));
        Label(execution, participants);
        var policy = TLock.Create(participants);
        var first = NewWord(execution, "first half");
        var second = NewWord(execution, "second half");
        for (var thread = 0; thread < shared; thread++)
        {
            var participant = thread;
            execution.AddThread($"shared {thread}", () =>
            {
                var past = Past.Begin();
                for (var round = 0; round < rounds; round++)
                {
                    past.Forget((ulong)round);
                    policy.EnterShared(participant);
                    if (sharedTogether)
                    {
                        Require(Atomics.LoadRelaxed(first) == Atomics.LoadRelaxed(second), "A shared section sees half of what an exclusive one does.");
                    }
                    else
                    {
                        CountBoth();
                    }

                    policy.LeaveShared(participant);
                }
            });
        }

        for (var thread = 0; thread < exclusive; thread++)
        {
            var participant = shared + thread;
            execution.AddThread($"exclusive {thread}", () =>
            {
                var past = Past.Begin();
                for (var round = 0; round < rounds; round++)
                {
                    past.Forget((ulong)round);
                    policy.EnterExclusive(participant);
                    CountBoth();
                    policy.LeaveExclusive(participant);
                }
            });
        }

        var sections = (ulong)((exclusive + (sharedTogether ? 0 : shared)) * rounds);
        execution.AtEnd(() => Require(
            Atomics.LoadRelaxed(first) == sections && Atomics.LoadRelaxed(second) == sections && !policy.IsContended,
            "Two sections that exclude each other overlapped, or somebody is thought to wait."));
        DisposeAtEnd(execution, participants);

        void CountBoth()
        {
            CountAlone(first);
            CountAlone(second);
        }
    }

    // As the direct MMU enters: the lock, then the announcement.
    private static void Unlink(Execution execution, int walkers)
    {
        execution.ShareOnlyMemory();
        var participants = new ParticipantTable(walkers, 1);
        Label(execution, participants);
        var policy = TLock.Create(participants);
        var domain = new EpochDomain(participants, new WithdrawingReclaimer());
        var table = NewWord(execution, "table");
        var entry = NewWord(execution, "entry", (ulong)table.Address);
        for (var walker = 0; walker < walkers; walker++)
        {
            var participant = walker;
            execution.AddThread($"walker {walker}", () =>
            {
                policy.EnterShared(participant);
                domain.Enter(participant);
                if (Atomics.LoadAcquire(entry) is var link and not 0)
                {
                    _ = Atomics.LoadRelaxed(WordAt(link));
                }

                domain.Leave(participant);
                policy.LeaveShared(participant);
            });
        }

        execution.AddThread("unlinker", () =>
        {
            policy.EnterExclusive(walkers);
            domain.Enter(walkers);
            var link = Atomics.Exchange(entry, 0);
            domain.Leave(walkers);
            policy.LeaveExclusive(walkers);
            domain.Retire(walkers, (nint)link, kind: 0);
            domain.Synchronize(walkers);
        });
        DisposeAtEnd(execution, domain, participants);
    }
}
