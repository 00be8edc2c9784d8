using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>
/// Runs a program under many schedules and reports the first under which it goes wrong.
/// </summary>
/// <remarks>
/// Needs <see cref="Atomics.ControlSwitch"/>. Used by one thread at a time, which stays on one processor meanwhile; explorers with
/// different numbers may run side by side.
/// </remarks>
public sealed class Explorer
{
    private const int ShorterSearches = 4;
    private const int ShorterSearchExecutions = 20_000;
    private static readonly TimeSpan s_shorterSearchTime = TimeSpan.FromSeconds(4);

    private readonly ExplorerSeat _seat;
    private SchedulingController _controller;

    /// <summary>Creates an explorer.</summary>
    /// <param name="number">From 0: which of the usable processors, and which part of the address space. One exploration at a time per number.</param>
    /// <exception cref="InvalidOperationException">Control is switched off in this process.</exception>
    public Explorer(int number = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        if (!Atomics.IsControllable)
        {
            throw new InvalidOperationException($"Exploring needs the AppContext switch '{Atomics.ControlSwitch}', set before the first use of {nameof(Atomics)}.");
        }

        _seat = ExplorerSeat.Of(number);
        _controller = new SchedulingController(_seat.Crew, _seat.Arena);
    }

    /// <summary>Explores a program.</summary>
    /// <param name="name">Its name in reports and replay files.</param>
    /// <param name="arrange">Makes the program's state and threads; called for each execution.</param>
    /// <param name="options">Null for defaults.</param>
    /// <param name="cancellationToken">Ends the exploration; the report says so.</param>
    /// <exception cref="ArgumentException">The options set no limit for a strategy that needs one.</exception>
    /// <exception cref="InvalidOperationException">Another explorer of the same number explores at the moment.</exception>
    public ExplorationReport Explore(string name, Action<Execution> arrange, ExplorationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(arrange);
        options ??= new ExplorationOptions();
        if (options is { Strategy: ExplorationStrategy.Pct or ExplorationStrategy.Random, ExecutionLimit: long.MaxValue } && options.TimeLimit == TimeSpan.MaxValue)
        {
            throw new ArgumentException("Random strategies never end by themselves: they need a limit of time or executions.", nameof(options));
        }

        using var occupation = _seat.Take();
        var search = new Search(Begin(options.Memory), name, arrange, options, cancellationToken);
        var (exhausted, complete, bound) = search.Run();
        var finding = search.Failure is null ? null : Describe(search, arrange, options);
        if (_controller.IsStuck)
        {
            // Whoever has the seat next needs threads that come back.
            _seat.ReplaceCrew();
        }

        return new ExplorationReport
        {
            Program = name,
            Executions = search.Executions,
            Pruned = search.Pruned,
            States = search.States,
            IsExhausted = exhausted && finding is null,
            IsComplete = complete && finding is null,
            PreemptionsSeen = search.PreemptionsSeen,
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
    /// <exception cref="InvalidOperationException">Another explorer of the same number explores at the moment.</exception>
    public Finding? Replay(Recording recording, Action<Execution> arrange)
    {
        ArgumentNullException.ThrowIfNull(recording);
        ArgumentNullException.ThrowIfNull(arrange);
        using var occupation = _seat.Take();
        var finding = Follow(recording, arrange, new ExplorationOptions(), TimeSpan.Zero, out var changed);
        return changed
            ? throw new InvalidDataException($"The program '{recording.Program}' has changed since the schedule was recorded: it takes other steps.")
            : finding;
    }

    /// <summary>Begins an exploration of which nothing is known.</summary>
    internal SchedulingController Begin(MemoryModel memory)
    {
        Begin(memory, []);
        return _controller;
    }

    private void Begin(MemoryModel memory, IEnumerable<long> sharedWords)
    {
        if (_controller.IsStuck && _controller.Crew == _seat.Crew)
        {
            _seat.ReplaceCrew();
        }

        if (_controller.Crew != _seat.Crew)
        {
            _controller = new SchedulingController(_seat.Crew, _seat.Arena);
        }

        _controller.Arena.Forget();
        _controller.Arena.Share(sharedWords);
        _controller.BeginComparing();
        _controller.IsBuffered = memory == MemoryModel.TotalStoreOrder;
    }

    private Finding Describe(Search search, Action<Execution> arrange, ExplorationOptions options)
    {
        var found = Record(search.Name, search.Failure!, options.Memory);
        var after = search.FoundAfter;
        var preemptions = search.FoundPreemptions;
        if (_controller.IsStuck || search.Failure is NondeterminismException)
        {
            // To run it again would be to wait again, or shows nothing: what is wrong is that it differs from other executions.
            return new Finding(search.Failure!.Message, search.Failure, found, TraceWriter.StepsOf(_controller), preemptions, after);
        }

        // The fewest preemptions first: what is found again with fewer is easier to read.
        var limits = options with { TimeLimit = s_shorterSearchTime, ExecutionLimit = ShorterSearchExecutions };
        var most = Math.Min(preemptions, search.PreemptionsSeen + 1 + ShorterSearches);
        for (var bound = search.PreemptionsSeen + 1; bound < most && options.Strategy != ExplorationStrategy.Preemptions; bound++)
        {
            var shorter = new Search(_controller, search.Name, arrange, limits, default);
            if (shorter.RunWithin(bound) && !_controller.IsStuck)
            {
                found = Record(search.Name, shorter.Failure!, options.Memory);
                preemptions = shorter.FoundPreemptions;
                break;
            }
        }

        found = Shorten(found, arrange, options, preemptions);
        return Follow(found, arrange, options, after, out var changed) is { } finding && !changed
            ? finding
            : new Finding($"{found.Finding} (and not again with the same schedule: the program is not deterministic)", search.Failure!, found, [], preemptions, after);
    }

    private Recording Shorten(Recording found, Action<Execution> arrange, ExplorationOptions options, int preemptions)
    {
        var best = found;
        Begin(found.Memory, found.SharedWords);
        var shortening = new ScheduleShortening(new ScheduleShortening.Attempt(found.Choices(), preemptions), Attempt);
        var shortest = shortening.Run().Choices;
        if (_controller.IsStuck || Attempt(shortest) is null)
        {
            return found;
        }

        return best;

        ScheduleShortening.Attempt? Attempt(IReadOnlyList<int> choices)
        {
            if (_controller.IsStuck || _controller.HasDiscoveredPoints)
            {
                // What was learnt there would give the schedule another meaning.
                Begin(found.Memory, found.SharedWords);
            }

            var failure = _controller.Run(arrange, new ScheduleStrategy(choices, found.ComparesStates), options);
            if (failure is null || _controller.HasDiscoveredPoints || failure.GetType() != found.FailureType || failure.Message != found.Finding)
            {
                return null;
            }

            best = Record(found.Program, failure, found.Memory) with { SharedWords = found.SharedWords };
            return new ScheduleShortening.Attempt([.. _controller.Choices], _controller.Preemptions);
        }
    }

    private Recording Record(string program, Exception failure, MemoryModel memory)
    {
        // As it was known when the execution began: what it discovers itself it discovers again.
        var discovered = _controller.Discovered.Select(address => (long)_controller.Arena.OffsetOf(address)).ToHashSet();
        return new Recording
        {
            Program = program,
            Memory = memory,
            ComparesStates = _controller.ComparesStates,
            Finding = failure.Message,
            FailureType = failure.GetType(),
            SharedWords = [.. _controller.Arena.SharedOffsets().Where(offset => !discovered.Contains(offset))],
            Schedule = Recording.Compress(_controller.Choices),
            Fingerprint = FingerprintOf(_controller),
        };
    }

    private Finding? Follow(Recording recording, Action<Execution> arrange, ExplorationOptions options, TimeSpan after, out bool changed)
    {
        Begin(recording.Memory, recording.SharedWords);
        var writer = new TraceWriter();
        var strategy = new ScheduleStrategy(recording.Choices(), recording.ComparesStates);
        strategy.Begin();
        var failure = _controller.Run(arrange, strategy, options, writer);
        changed = strategy.HasDiverged || FingerprintOf(_controller) != recording.Fingerprint;
        if (failure is null)
        {
            return null;
        }

        writer.AddFailure(_controller, failure);
        return new Finding(failure.Message, failure, recording, writer.Steps, _controller.Preemptions, after);
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
