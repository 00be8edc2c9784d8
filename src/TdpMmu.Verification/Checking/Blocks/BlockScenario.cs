using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>
/// A part of the engine by itself, small enough for every schedule. What must not happen is told by memory (what is used in quarantine, values
/// that do not fit together), never by managed state that threads set and look at: two of its accesses would commute for the explorer, which
/// then runs them in one order only.
/// </summary>
internal abstract class BlockScenario : Scenario
{
    private readonly Mix[] _mixes;

    private protected BlockScenario(params Mix[] mixes)
    {
        _mixes = mixes;
        Variants = [.. mixes.Select(static mix => mix.Name)];
    }

    internal sealed override bool IgnoresLock => true;

    internal sealed override IReadOnlyList<string> Variants { get; }

    internal sealed override void Arrange(Execution execution, int variant, LockPolicyKind policy) => _mixes[variant].Arrange(execution);

    /// <summary>A word on a line of its own.</summary>
    /// <param name="execution">Whose memory it is in.</param>
    /// <param name="name">What traces call it.</param>
    /// <param name="value">What it holds at first.</param>
    private protected static unsafe AtomicWord NewWord(Execution execution, string name, ulong value = 0)
    {
        // SAFETY: the execution's memory outlives the threads of the execution.
        var word = new AtomicWord((void*)execution.Allocate(NativeBlock.LineBytes));
        execution.Label(word.Address, sizeof(ulong), name);
        Atomics.StoreRelaxed(word, value);
        return word;
    }

    /// <summary>The word at an address that a word held.</summary>
    private protected static unsafe AtomicWord WordAt(ulong address)
    {
        // SAFETY: addresses that words hold are those of words of the same execution.
        return new AtomicWord((void*)address);
    }

    /// <summary>Whoever uses the word from now on is found.</summary>
    private protected static void Withdraw(AtomicWord word) => Atomics.Quarantine(new AtomicBytes(word.Address), sizeof(ulong));

    /// <summary>Reports what must not happen.</summary>
    private protected static void Require(bool condition, string otherwise)
    {
        if (!condition)
        {
            throw new FindingException(otherwise);
        }
    }

    /// <summary>Reads and writes a word as only one thread at a time may: two that overlap lose a count.</summary>
    private protected static void CountAlone(AtomicWord counter) => Atomics.StoreRelaxed(counter, Atomics.LoadRelaxed(counter) + 1);

    /// <summary>Names the words of participants.</summary>
    private protected static void Label(Execution execution, ParticipantTable participants)
    {
        for (var participant = 0; participant < participants.Count; participant++)
        {
            execution.Label(participants.Section(participant).Address, sizeof(ulong), $"section of {participant}");
            execution.Label(participants.Window(participant).Address, sizeof(ulong), $"window of {participant}");
            execution.Label(participants.Reference(participant).Address, sizeof(ulong), $"reference of {participant}");
            execution.Label(participants.Request(participant).Address, sizeof(ulong), $"request of {participant}");
            execution.Label(participants.PermitState(participant).Address, sizeof(uint), $"permit of {participant}");
            execution.Label(participants.Lease(participant).Address, sizeof(uint), $"lease of {participant}");
        }

        execution.Label(participants.LockLines.Address, sizeof(ulong), "lock");
        execution.Label(participants.FreeSignal.Address, sizeof(uint), "signal of free lanes");
        execution.Label(participants.FreeSignal.Address + sizeof(ulong), sizeof(uint), "waiters for lanes");
    }

    /// <summary>Disposes in order when the threads have ended, and checks that nothing is left.</summary>
    private protected static void DisposeAtEnd(Execution execution, params IDisposable[] parts) => execution.AtEnd(() =>
    {
        foreach (var part in parts)
        {
            part.Dispose();
        }

        Require(execution.LiveBytes == 0, $"{execution.LiveBytes} bytes of native memory are left behind.");
    });
}
