using System.Diagnostics;

namespace TdpMmu.Interleaving;

/// <summary>One exploration: its stages, its limits and its account.</summary>
internal sealed class Search
{
    private const int Rehearsals = 24;

    private readonly SchedulingController _controller;
    private readonly Action<Execution> _arrange;
    private readonly ExplorationOptions _options;
    private readonly CancellationToken _cancellationToken;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly long _operationsBefore;

    internal Search(SchedulingController controller, string name, Action<Execution> arrange, ExplorationOptions options, CancellationToken cancellationToken)
    {
        _controller = controller;
        Name = name;
        _arrange = arrange;
        _options = options;
        _cancellationToken = cancellationToken;
        _operationsBefore = controller.Operations;
        PreemptionsSeen = options.PreemptionsSeen;
    }

    internal string Name { get; }

    /// <summary>All schedules with so many preemptions were seen.</summary>
    internal int PreemptionsSeen { get; private set; }

    internal long Executions { get; private set; }

    internal long Pruned { get; private set; }

    internal long Steps { get; private set; }

    internal long States { get; private set; }

    internal int Longest { get; private set; }

    internal long Operations => _controller.Operations - _operationsBefore;

    internal TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    internal Exception? Failure { get; private set; }

    internal TimeSpan FoundAfter { get; private set; }

    internal int FoundPreemptions { get; private set; }

    /// <summary>Runs all stages.</summary>
    /// <returns>Whether everything was seen, whether all that was asked for was, and what limits the result.</returns>
    internal (bool Exhausted, bool Complete, string? Bound) Run()
    {
        switch (_options.Strategy)
        {
            case ExplorationStrategy.Pct:
                return RunRandom(new PriorityStrategy(_options.Seed, _options.Depth));
            case ExplorationStrategy.Random:
                return RunRandom(new RandomStrategy(_options.Seed));
            case ExplorationStrategy.Preemptions:
                return Describe(RunPreemptions(_options.Preemptions));
            default:
                break;
        }

        // A few schedules at random find what is shallow, and most of what is shared.
        var rehearsal = new PriorityStrategy(_options.Seed, _options.Depth);
        RunStage(rehearsal, Math.Min(Rehearsals, _options.ExecutionLimit), _options.TimeLimit);
        if (Failure is not null)
        {
            return (false, false, null);
        }

        // What goes wrong mostly does so with two preemptions or fewer (Musuvathi, Qadeer: "Iterative context bounding", PLDI 2007).
        var exhausted = RunPreemptions(_options.Preemptions) || (Failure is null && RunAll());
        return Failure is null ? Describe(exhausted) : (false, false, null);
    }

    // Every schedule. Where threads share nothing but memory, states say more about what was seen than the order of steps does.
    private bool RunAll()
    {
        SearchStrategy strategy = _controller.SharesOnlyMemory ? new StateSearch() : new PartialOrderSearch(int.MaxValue);
        return RunStage(strategy) && strategy.Bound is null;
    }

    /// <summary>Looks for a failure within a number of preemptions.</summary>
    internal bool RunWithin(int preemptions)
    {
        RunStage(new PartialOrderSearch(preemptions));
        return Failure is not null;
    }

    private string Limit => _cancellationToken.IsCancellationRequested ? "interrupted" : Elapsed >= _options.TimeLimit ? "time" : "executions";

    private (bool Exhausted, bool Complete, string? Bound) RunRandom(SearchStrategy strategy)
    {
        RunStage(strategy);
        return (false, true, $"{Executions} {strategy.Bound}");
    }

    // Goes on from the bound that was completed last. True when nothing had to be left out.
    private bool RunPreemptions(int last)
    {
        for (var bound = PreemptionsSeen + 1; bound <= last; bound++)
        {
            var strategy = new PartialOrderSearch(bound);
            if (!RunStage(strategy))
            {
                return false;
            }

            if (!strategy.IsCut)
            {
                return true;
            }

            PreemptionsSeen = bound;
        }

        return false;
    }

    private (bool Exhausted, bool Complete, string? Bound) Describe(bool exhausted)
    {
        var seen = PreemptionsSeen == 1 ? "1 preemption" : $"{PreemptionsSeen} preemptions";
        return exhausted ? (true, true, null)
            : PreemptionsSeen >= _options.Preemptions ? (false, true, seen)
            : (false, false, PreemptionsSeen < 0 ? Limit : $"{seen} ({Limit})");
    }

    private bool RunStage(SearchStrategy strategy) => RunStage(strategy, _options.ExecutionLimit, _options.TimeLimit);

    /// <summary>Runs one strategy.</summary>
    /// <returns>Whether it came to its end without a failure.</returns>
    internal bool RunStage(SearchStrategy strategy, long executionLimit, TimeSpan timeLimit)
    {
        try
        {
            while (strategy.Begin())
            {
                if (Executions >= executionLimit || _cancellationToken.IsCancellationRequested || Elapsed >= timeLimit)
                {
                    return false;
                }

                var failure = _controller.Run(_arrange, strategy, _options);
                Executions++;
                Steps += _controller.Events.Count;
                Longest = Math.Max(Longest, _controller.Events.Count);

                // What an execution learns to be shared it treated as private before, which buffers do not allow: it is repeated, knowing.
                // Without buffers it was a schedule like any other, one in which nobody came between.
                if (failure is not null && (!_controller.HasDiscoveredPoints || !_controller.IsBuffered || _controller.IsStuck))
                {
                    Failure = failure;
                    FoundAfter = Elapsed;
                    FoundPreemptions = _controller.Preemptions;
                    return false;
                }

                if (_controller.HasDiscovered)
                {
                    strategy.Restart();
                }
                else
                {
                    strategy.End(_controller);
                }
            }

            return true;
        }
        finally
        {
            Pruned += strategy.Pruned;
            States = strategy.States;
        }
    }
}
