namespace TdpMmu.Interleaving;

/// <summary>What an exploration saw.</summary>
public sealed record ExplorationReport
{
    /// <summary>The program's name.</summary>
    public required string Program { get; init; }

    /// <summary>Executions that were run.</summary>
    public required long Executions { get; init; }

    /// <summary>
    /// Those of them that turned out, on the way, to be equivalent to one that was seen, or to come to a state from which all was; where states
    /// are compared, those that came to none that was new.
    /// </summary>
    public required long Pruned { get; init; }

    /// <summary>States that were met, where a search compared them (<see cref="Execution.ShareOnlyMemory"/>); otherwise 0.</summary>
    public required long States { get; init; }

    /// <summary>Whether every schedule was run, or an equivalent one, or every state that a schedule leads to was met.</summary>
    public required bool IsExhausted { get; init; }

    /// <summary>Whether it saw all that it was asked for: every schedule, every one with as many preemptions as asked for, or as many at random as there was time for.</summary>
    public required bool IsComplete { get; init; }

    /// <summary>All schedules with at most so many preemptions were seen; -1 where not even that was asked for or came to its end.</summary>
    public required int PreemptionsSeen { get; init; }

    /// <summary>What limits the result where not all was seen, for instance <c>3 preemptions</c>; null where all was.</summary>
    public required string? Bound { get; init; }

    /// <summary>What went wrong, or null.</summary>
    public required Finding? Finding { get; init; }

    /// <summary>Operations on shared memory, waits and fences, over all executions.</summary>
    public required long Operations { get; init; }

    /// <summary>Steps at which the scheduler had a choice, over all executions.</summary>
    public required long Steps { get; init; }

    /// <summary>Steps of the longest execution.</summary>
    public required int LongestExecution { get; init; }

    /// <summary>How long it took.</summary>
    public required TimeSpan Elapsed { get; init; }

    /// <summary>The same with the cost of an exploration before, which it went on from.</summary>
    /// <param name="before">What that one saw, or null.</param>
    public ExplorationReport After(ExplorationReport? before) => before is null ? this : this with
    {
        Executions = Executions + before.Executions,
        Pruned = Pruned + before.Pruned,
        Operations = Operations + before.Operations,
        Steps = Steps + before.Steps,
        LongestExecution = Math.Max(LongestExecution, before.LongestExecution),
        Elapsed = Elapsed + before.Elapsed,
    };
}
