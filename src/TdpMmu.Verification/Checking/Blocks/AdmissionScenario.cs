using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>An object is closed and disposed while others come in.</summary>
internal sealed class AdmissionScenario() : BlockScenario(
    new Mix("user+user+closer", static execution => Close(execution, users: 2, rounds: 1, closers: 1)),
    new Mix("user+closer+closer", static execution => Close(execution, users: 1, rounds: 2, closers: 2)),
    new Mix("user+closer", static execution => Close(execution, users: 1, rounds: 3, closers: 1)))
{
    internal override string Name => "admission";

    internal override string Summary => "nobody is inside when an object goes, and nobody comes in afterwards";

    private static void Close(Execution execution, int users, int rounds, int closers)
    {
        var admission = new Admission();
        execution.Label(admission.Word.Address, sizeof(uint), "admission");
        var guarded = NewWord(execution, "what is disposed");
        for (var user = 0; user < users; user++)
        {
            execution.AddThread($"user {user}", () =>
            {
                for (var round = 0; round < rounds && admission.TryEnter(); round++)
                {
                    Atomics.StoreRelaxed(guarded, 1);
                    admission.Leave();
                }
            });
        }

        for (var closer = 0; closer < closers; closer++)
        {
            execution.AddThread($"closer {closer}", () =>
            {
                var first = admission.TryClose();
                admission.AwaitEmpty();
                if (first)
                {
                    Withdraw(guarded);
                }
            });
        }

        execution.AtEnd(() =>
        {
            Require(admission.IsClosed && !admission.TryEnter(), "It can be entered after it was closed.");
            GC.KeepAlive(admission);
        });
    }
}
