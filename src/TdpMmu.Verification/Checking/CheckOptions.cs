using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>What is checked, and how thoroughly.</summary>
public sealed record CheckOptions
{
    /// <summary>Names or patterns of scenarios; <c>*</c> stands for any text. All by default.</summary>
    public IReadOnlyList<string> Scenarios { get; init; } = [];

    /// <summary>The order in which schedules are tried.</summary>
    public ExplorationStrategy Strategy { get; init; } = ExplorationStrategy.Exhaustive;

    /// <summary>Memory models, each of which is checked.</summary>
    public IReadOnlyList<MemoryModel> Memory { get; init; } = [MemoryModel.SequentiallyConsistent, MemoryModel.TotalStoreOrder];

    /// <summary>Lock policies, each of which is checked.</summary>
    public IReadOnlyList<LockPolicyKind> Locks { get; init; } = [LockPolicyKind.Rcu, LockPolicyKind.ReadWrite, LockPolicyKind.Monolithic];

    /// <summary>Seed of the random strategies.</summary>
    public ulong Seed { get; init; }

    /// <summary>Preemptions that are explored where all schedules are too many.</summary>
    public int Preemptions { get; init; } = 3;

    /// <summary>Time for everything; what a part does not need goes to those that need more.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many explorations run side by side, each on a processor of its own; 0 for as many as there are processors.</summary>
    public int Jobs { get; init; }
}
