using System.Diagnostics;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Explores the scenarios of a plan within a time that they share.</summary>
/// <remarks>Needs the switches <c>TdpMmu.Concurrency.Controlled</c> and <c>TdpMmu.EngineChecks</c>, set before the engine is first used.</remarks>
public sealed class CheckRunner
{
    // How much longer an exploration may take in the next round.
    private const int Growth = 4;

    private static readonly TimeSpan s_least = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan s_firstRound = TimeSpan.FromMilliseconds(100);

    private readonly CheckOptions _options;
    private readonly CheckPlan _plan;
    private readonly Action<CheckResult>? _progress;
    private readonly Lock _gate = new();
    private readonly CheckResult?[] _results;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly int _jobs;
    private int[] _round = [];
    private int _incomplete;
    private TimeSpan _roundShare = s_firstRound / Growth;
    private bool _isLast;
    private int _next;

    private CheckRunner(CheckOptions options, CheckPlan plan, Action<CheckResult>? progress)
    {
        _options = options;
        _plan = plan;
        _progress = progress;
        _results = new CheckResult?[plan.Count];
        _jobs = Math.Max(1, Math.Min(plan.Count, options.Jobs > 0 ? options.Jobs : Environment.ProcessorCount));
    }

    /// <summary>Runs a plan.</summary>
    /// <param name="options">How thoroughly.</param>
    /// <param name="plan">What; see <see cref="CheckPlan.Create"/>.</param>
    /// <param name="progress">Called after each exploration, from any thread, one at a time; again for one that is given more time.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>The results, in the plan's order. Explorations that had not begun when the time was over, or the check ended, are not among them.</returns>
    public static IReadOnlyList<CheckResult> Run(CheckOptions options, CheckPlan plan, Action<CheckResult>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(plan);
        var runner = new CheckRunner(options, plan, progress);
        var failures = new List<Exception>();
        while (failures.Count == 0 && !cancellationToken.IsCancellationRequested && runner.BeginRound())
        {
            var threads = Enumerable.Range(0, runner._jobs).Select(job => new Thread(() => runner.Work(job, failures, cancellationToken)) { Name = $"explorer {job}", IsBackground = true }).ToList();
            threads.ForEach(static thread => thread.Start());
            threads.ForEach(static thread => thread.Join());
        }

        return failures.Count == 0 ? [.. runner._results.OfType<CheckResult>()] : throw new AggregateException(failures);
    }

    /// <summary>Follows a recorded schedule.</summary>
    /// <param name="recording">The recording.</param>
    /// <returns>What went wrong, or null if nothing does any more.</returns>
    /// <exception cref="InvalidDataException">The scenario does not exist or has changed.</exception>
    public static Finding? Replay(Recording recording)
    {
        ArgumentNullException.ThrowIfNull(recording);
        var item = CheckPlan.Find(recording.Program);
        Finding? finding = null;
        Exception? failure = null;

        // On a thread of its own: the explorer pins the one that it runs on.
        var thread = new Thread(() =>
        {
            try
            {
                finding = new Explorer().Replay(recording, execution => item.Scenario.Arrange(execution, item.Variant, item.Policy));
            }
#pragma warning disable CA1031 // Carried over to the caller.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        return failure is InvalidDataException ? throw new InvalidDataException(failure.Message, failure)
            : failure is not null ? throw new InvalidOperationException(failure.Message, failure)
            : finding;
    }

    private void Work(int job, List<Exception> failures, CancellationToken cancellationToken)
    {
        try
        {
            var explorer = new Explorer(job);
            while (!cancellationToken.IsCancellationRequested && TryTake(out var index, out var share))
            {
                var item = _plan.Items[index];
                var before = _results[index]?.Report;
                var report = explorer.Explore(
                    item.Program,
                    execution => item.Scenario.Arrange(execution, item.Variant, item.Policy),
                    new ExplorationOptions
                    {
                        Strategy = _options.Strategy,
                        Memory = item.Memory,
                        Seed = _options.Seed,
                        Preemptions = _options.Preemptions,
                        PreemptionsSeen = before?.PreemptionsSeen ?? -1,
                        TimeLimit = share,
                    },
                    cancellationToken);
                var result = new CheckResult(
                    item.Scenario.Name, item.Scenario.Variants[item.Variant], item.Scenario.IgnoresLock ? null : item.Policy, item.Memory, report.After(before));
                lock (_gate)
                {
                    _results[index] = result;
                    _progress?.Invoke(result);
                }
            }
        }
#pragma warning disable CA1031 // Carried over to the caller.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            lock (_gate)
            {
                failures.Add(exception);
            }
        }
    }

    // What was cut by time is explored again with several times as much of it: most of a plan needs little, and what needs a lot is not
    // known beforehand. Half of the time is for those of which not even the schedules with few preemptions were seen; after that they come
    // first. A last round divides what is left, and another one what that left over.
    private bool BeginRound()
    {
        if ((_isLast && Left < _options.Time / 20) || Array.Exists(_results, static result => result?.Report.Finding is not null))
        {
            // Where something was found, that is what is of interest, and not how much of the rest can be seen.
            return false;
        }

        _round = [.. Enumerable.Range(0, _plan.Count)
            .Where(IsOpen)
            .OrderBy(IsComplete)];
        _incomplete = _round.Count(index => !IsComplete(index));
        _roundShare *= Growth;
        _next = 0;
        if (_incomplete != 0 && Left > _options.Time / 2 && !IsLast(_incomplete))
        {
            _round = _round[.._incomplete];
        }

        _isLast = IsLast(_round.Length);
        return _round.Length != 0;
    }

    // Random strategies come to no end that would leave time to the others.
    private bool IsLast(int explorations) =>
        _options.Strategy is ExplorationStrategy.Pct or ExplorationStrategy.Random || _roundShare * explorations / _jobs > Left / 2;

    private bool IsOpen(int index) => _results[index]?.Report switch
    {
        null => true,
        { Finding: not null } or { IsExhausted: true } => false,
        var report => _options.Strategy == ExplorationStrategy.Exhaustive || !report.IsComplete,
    };

    private bool IsComplete(int index) => _results[index]?.Report is { IsComplete: true };

    private TimeSpan Left => _options.Time - Stopwatch.GetElapsedTime(_start);

    private bool TryTake(out int index, out TimeSpan share)
    {
        lock (_gate)
        {
            var place = _next++;
            (index, share) = (-1, _roundShare);
            var left = Left;
            if (place >= _round.Length || left <= TimeSpan.Zero)
            {
                return false;
            }

            index = _round[place];
            if (_isLast)
            {
                // An equal part of what is left: what the ones before did not need is there for the ones behind. Where that is too little
                // to see anything, the last ones do not begin.
                share = left * _jobs / ((place < _incomplete ? _incomplete : _round.Length) - place);
                share = share < s_least ? s_least : share;
            }

            share = share < left ? share : left;

            return true;
        }
    }
}
