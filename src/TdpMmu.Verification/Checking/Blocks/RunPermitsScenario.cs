using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Two vCPUs share one processor's permit, one of which waits for the other in different ways.</summary>
internal sealed class RunPermitsScenario() : BlockScenario(
    new Mix("turns", static execution => Share(execution, TakeTurn, TakeTurn)),
    new Mix("blocks-shortly", static execution => Share(execution, BlockShortly, TakeTurn)),
    new Mix("blocks-for-the-other", static execution => Share(execution, BlockForOther, LetOtherGoOn)),
    new Mix("spins-for-the-other", static execution => Share(execution, SpinForOther, LetOtherGoOn)))
{
    internal override string Name => "run-permits";

    internal override string Summary => "one vCPU at a time runs, and each gets its turn, whoever it waits for";

    private static void Share(Execution execution, Action<Shared> first, Action<Shared> second)
    {
        var participants = new ParticipantTable(2, 1);
        Label(execution, participants);
        var permits = new RunPermits(participants, 1);
        var running = NewWord(execution, "who runs");
        var goOn = NewWord(execution, "go on");
        execution.AddThread("machine", () =>
        {
            permits.Start();
            var threads = new[] { first, second }
                .Select((guest, vcpu) => Atomics.StartThread($"vCPU {vcpu}", () => guest(new Shared(permits, participants, vcpu, running, goOn))))
                .ToList();
            threads.ForEach(static thread => thread.Join());
            permits.Dispose();
        });
        DisposeAtEnd(execution, participants);
    }

    private static void TakeTurn(Shared shared)
    {
        shared.Permits.Acquire(shared.Vcpu);
        RunAlone(shared);
        shared.Permits.Release(shared.Vcpu);
    }

    private static void BlockShortly(Shared shared)
    {
        shared.Permits.Acquire(shared.Vcpu);
        shared.Permits.BeginBlocking(shared.Vcpu);
        shared.Permits.EndBlocking(shared.Vcpu);
        RunAlone(shared);
        shared.Permits.Release(shared.Vcpu);
    }

    private static void BlockForOther(Shared shared)
    {
        shared.Permits.Acquire(shared.Vcpu);
        shared.Permits.BeginBlocking(shared.Vcpu);
        Atomics.AwaitChange(shared.GoOn, 0);
        shared.Permits.EndBlocking(shared.Vcpu);
        RunAlone(shared);
        shared.Permits.Release(shared.Vcpu);
    }

    // As guest code does: it notices requests and lets the next one run when it is asked to.
    private static void SpinForOther(Shared shared)
    {
        var request = shared.Participants.Request(shared.Vcpu);
        var served = 0UL;
        shared.Permits.Acquire(shared.Vcpu);
        while (Atomics.LoadAcquire(shared.GoOn) == 0)
        {
            if (Atomics.LoadAcquire(request) is var asked && asked != served)
            {
                served = asked;
                shared.Permits.YieldIfAsked(shared.Vcpu);
            }
            else
            {
                Atomics.SpinHint();
            }
        }

        RunAlone(shared);
        shared.Permits.Release(shared.Vcpu);
    }

    private static void LetOtherGoOn(Shared shared)
    {
        shared.Permits.Acquire(shared.Vcpu);
        Atomics.StoreRelease(shared.GoOn, 1);
        RunAlone(shared);
        shared.Permits.Release(shared.Vcpu);
    }

    private static void RunAlone(Shared shared)
    {
        Require(Atomics.LoadRelaxed(shared.Running) == 0, "Two vCPUs run on one permit.");
        Atomics.StoreRelaxed(shared.Running, 1);
        Atomics.StoreRelaxed(shared.Running, 0);
    }

    private sealed record Shared(RunPermits Permits, ParticipantTable Participants, int Vcpu, AtomicWord Running, AtomicWord GoOn);
}
