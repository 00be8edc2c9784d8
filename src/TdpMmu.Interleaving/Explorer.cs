using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>
/// Runs a program under many schedules and reports the first under which it goes wrong.
/// </summary>
/// <remarks>
/// Needs <see cref="Atomics.ControlSwitch"/>. Used by one thread, which it pins to a processor; explorers with different numbers may
/// run side by side.
/// </remarks>
public sealed class Explorer
{
    private const int ShorterSearchExecutions = 20_000;
    private static readonly TimeSpan s_shorterSearchTime = TimeSpan.FromSeconds(4);

    private readonly SchedulingController _controller;

    /// <summary>Creates an explorer.</summary>
    /// <param name="number">From 0: which of the usable processors, and which part of the address space. One explorer at a time per number.</param>
    /// <exception cref="InvalidOperationException">Control is switched off in this process.</exception>
    public Explorer(int number = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        if (!Atomics.IsControllable)
        {
            throw new InvalidOperationException($"Exploring needs the AppContext switch '{Atomics.ControlSwitch}', set before the first use of {nameof(Atomics)}.");
        }

        var processors = ProcessorAffinity.Usable;
        _controller = new SchedulingController(new BatonCrew(processors[number % processors.Count]), ExplorerMemory.Of(number));
    }

    /// <summary>Explores a program.</summary>
    /// <param name="name">Its name in reports and replay files.</param>
    /// <param name="arrange">Makes the program's state and threads; called for each execution.</param>
    /// <param name="options">Null for defaults.</param>
    /// <param name="cancellationToken">Ends the exploration; the report says so.</param>
    public ExplorationReport Explore(string name, Action<Execution> arrange, ExplorationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(arrange);
        options ??= new ExplorationOptions();
        if (options is { Strategy: ExplorationStrategy.Pct or ExplorationStrategy.Random, ExecutionLimit: long.MaxValue } && options.TimeLimit == TimeSpan.MaxValue)
        {
            throw new ArgumentException("Random strategies never end by themselves: they need a limit of time or executions.", nameof(options));
        }

        Begin(options.Memory);
        var search = new Search(_controller, name, arrange, options, cancellationToken);
        var (exhausted, bound) = search.Run();
        var finding = search.Failure is null ? null : Describe(search, arrange, options);
        return new ExplorationReport
        {
            Program = name,
            Executions = search.Executions,
            Pruned = search.Pruned,
            IsExhausted = exhausted && finding is null,
            Bound = finding is not null ? "stopped at the finding" : bound,
            Finding = finding,
            Operations = search.Operations,
            Steps = search.Steps,
            LongestExecution = search.Longest,
            Elapsed = search.Elapsed,
        };
    }

    /// <summary>Follows a recorded schedule.</summary>
    /// <param name="recording">The schedule.</param>
    /// <param name="arrange">The program that it was recorded of.</param>
    /// <returns>What went wrong, or null if nothing does any more.</returns>
    /// <exception cref="InvalidDataException">The program takes other steps than when the schedule was recorded.</exception>
    public Finding? Replay(Recording recording, Action<Execution> arrange)
    {
        ArgumentNullException.ThrowIfNull(recording);
        ArgumentNullException.ThrowIfNull(arrange);
        var finding = Follow(recording, arrange, TimeSpan.Zero, out var changed);
        return changed
            ? throw new InvalidDataException($"The program '{recording.Program}' has changed since the schedule was recorded: it takes other steps.")
            : finding;
    }

    /// <summary>Begins an exploration of which nothing is known.</summary>
    internal SchedulingController Begin(MemoryModel memory)
    {
        Begin(memory, [], usesProcessWideFence: false);
        return _controller;
    }

    private void Begin(MemoryModel memory, IEnumerable<long> sharedWords, bool usesProcessWideFence)
    {
        _controller.Arena.Forget();
        _controller.Arena.Share(sharedWords);
        _controller.IsBuffered = memory == MemoryModel.TotalStoreOrder;
        _controller.UsesProcessWideFence = usesProcessWideFence;
    }

    private Finding Describe(Search search, Action<Execution> arrange, ExplorationOptions options)
    {
        var found = Record(search, options.Memory);
        var after = search.FoundAfter;
        var preemptions = search.FoundPreemptions;

        // The fewest preemptions first: what is found again with fewer is easier to read.
        for (var bound = 0; bound < preemptions && options.Strategy != ExplorationStrategy.Preemptions; bound++)
        {
            var shorter = new Search(_controller, search.Name, arrange, options with { TimeLimit = s_shorterSearchTime, ExecutionLimit = ShorterSearchExecutions }, default);
            if (shorter.RunWithin(bound))
            {
                found = Record(shorter, options.Memory);
                preemptions = shorter.FoundPreemptions;
                break;
            }
        }

        return Follow(found, arrange, after, out var changed) is { } finding && !changed
            ? finding
            : new Finding($"{found.Finding} (and not again with the same schedule: the program is not deterministic)", search.Failure!, found, [], preemptions, after);
    }

    private Recording Record(Search search, MemoryModel memory)
    {
        // As it was known when the execution began: what it discovers itself it discovers again.
        var discovered = _controller.Discovered.Select(address => (long)_controller.Arena.OffsetOf(address)).ToHashSet();
        return new Recording
        {
            Program = search.Name,
            Memory = memory,
            Finding = search.Failure!.Message,
            SharedWords = [.. _controller.Arena.SharedOffsets().Where(offset => !discovered.Contains(offset))],
            UsesProcessWideFence = _controller.UsedProcessWideFence,
            Schedule = Recording.Compress(_controller.Choices),
            Fingerprint = FingerprintOf(_controller),
        };
    }

    private Finding? Follow(Recording recording, Action<Execution> arrange, TimeSpan after, out bool changed)
    {
        Begin(recording.Memory, recording.SharedWords, recording.UsesProcessWideFence);
        var writer = new TraceWriter();
        var strategy = new ScheduleStrategy(recording.Choices());
        var failure = _controller.Run(arrange, strategy, new ExplorationOptions().OperationLimit, writer.Add);
        changed = strategy.HasDiverged || FingerprintOf(_controller) != recording.Fingerprint;
        return failure is null ? null : new Finding(failure.Message, failure, recording, writer.Steps, _controller.Preemptions, after);
    }

    // Addresses count by their offset, and values not at all: they may be addresses.
    private static ulong FingerprintOf(SchedulingController controller)
    {
        var hash = 14695981039346656037UL;
        foreach (var step in controller.Events)
        {
            Mix((ulong)step.Actor);
            Mix((ulong)step.Kind);
            Mix(step.Address == 0 ? 0 : (ulong)controller.Arena.OffsetOf(step.Address));
        }

        return hash;

        void Mix(ulong value) => hash = (hash ^ value) * 1099511628211UL;
    }
}
