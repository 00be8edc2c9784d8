namespace TdpMmu.Interleaving;

/// <summary>How a program is explored.</summary>
public sealed record ExplorationOptions
{
    /// <summary>Which schedules. All by default.</summary>
    public ExplorationStrategy Strategy { get; init; } = ExplorationStrategy.Exhaustive;

    /// <summary>Which memory model. x86's by default.</summary>
    public MemoryModel Memory { get; init; } = MemoryModel.TotalStoreOrder;

    /// <summary>Seed of the random strategies. The same seed gives the same executions.</summary>
    public ulong Seed { get; init; }

    /// <summary>When to stop. No limit by default.</summary>
    public TimeSpan TimeLimit { get; init; } = TimeSpan.MaxValue;

    /// <summary>After how many executions to stop. No limit by default; random strategies need this one or a time limit.</summary>
    public long ExecutionLimit { get; init; } = long.MaxValue;

    /// <summary>Preemptions of <see cref="ExplorationStrategy.Preemptions"/>, and of <see cref="ExplorationStrategy.Exhaustive"/> where all is too much.</summary>
    public int Preemptions { get; init; } = 3;

    /// <summary>
    /// All schedules with so many preemptions were seen by an exploration before (<see cref="ExplorationReport.PreemptionsSeen"/>), and are not
    /// explored again by themselves. None by default, which is -1.
    /// </summary>
    public int PreemptionsSeen { get; init; } = -1;

    /// <summary>Depth of <see cref="ExplorationStrategy.Pct"/>: the number of ordering constraints that a bug may need. At least 1.</summary>
    public int Depth { get; init; } = 3;

    /// <summary>
    /// How long a thread may compute, or block where the scheduler cannot see it, between two operations: longer is a finding. 30 seconds
    /// by default.
    /// </summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Operations after which an execution that has not ended is a finding.</summary>
    public long OperationLimit { get; init; } = 1_000_000;
}
