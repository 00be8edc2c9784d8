using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Threads take turns under the lock of one word.</summary>
internal sealed class ParkingLockScenario() : BlockScenario(
    new Mix("three", static execution => Contend(execution, threads: 3, rounds: 1)),
    new Mix("two-twice", static execution => Contend(execution, threads: 2, rounds: 2)))
{
    internal override string Name => "parking-lock";

    internal override string Summary => "mutual exclusion, and no wake-up that is lost";

    private static void Contend(Execution execution, int threads, int rounds)
    {
        var block = new NativeBlock(NativeBlock.LineBytes);
        execution.Label(block.Word(0).Address, sizeof(ulong), "lock");
        var gate = new ParkingLock(block.Int(0));
        var counter = NewWord(execution, "counter");
        for (var thread = 0; thread < threads; thread++)
        {
            execution.AddThread($"thread {thread}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    gate.Enter();
                    CountAlone(counter);
                    gate.Exit();
                }
            });
        }

        execution.AtEnd(() => Require(
            Atomics.LoadRelaxed(counter) == (ulong)(threads * rounds) && gate.TryEnter(), "Two threads were inside, or the lock is left taken."));
        DisposeAtEnd(execution, block);
    }
}
