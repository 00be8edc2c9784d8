using System.CommandLine;
using System.Diagnostics;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using TdpMmu.Verification;

namespace TdpMmu.Cli.Checking;

/// <summary>The verb that explores interleavings of the engine.</summary>
internal sealed class CheckCommand
{
    private readonly Argument<string[]> _scenarios = new("SCENARIO") { Arity = ArgumentArity.ZeroOrMore, Description = "Names of scenarios, or patterns with * in them; all if none is given" };

    private readonly Option<bool> _list = new("--list") { Description = "List the scenarios, or those that are named, and end" };

    private readonly ValueOption<ExplorationStrategy> _strategy = Options.Choice("--strategy", "Which schedules: all (and those with few preemptions where all are too many), those with few preemptions, or random ones", CheckNames.Strategy, ExplorationStrategy.Exhaustive);

    private readonly ValueOption<IReadOnlyList<MemoryModel>> _memory = Options.ChoiceList("--memory", "Memory models", CheckNames.Memory, MemoryModel.SequentiallyConsistent, MemoryModel.TotalStoreOrder);

    private readonly ValueOption<IReadOnlyList<LockPolicyKind>> _lock = Options.ChoiceList("--lock", "Lock policies", ChoiceNames.Lock, LockPolicyKind.Rcu, LockPolicyKind.ReadWrite, LockPolicyKind.Monolithic);

    private readonly ValueOption<int> _preemptions = Options.Count("--preemptions", "Preemptions that a schedule may have where all schedules are too many", 0, 16, 3);

    private readonly ValueOption<int> _seed = Options.Count("--seed", "Seed of what is random", 0, int.MaxValue, 0);

    private readonly ValueOption<TimeSpan> _time = Options.Duration("--time", "Time for everything, shared over the scenarios", TimeSpan.FromSeconds(60));

    private readonly ValueOption<int> _jobs = Options.Count("--jobs", "Explorations side by side; 0 for one per processor", 0, 64, 0);

    private readonly ValueOption<string?> _replay = Options.File("--replay", "Follow the schedule in this file, which a finding was written to, and print what happens");

    private readonly ValueOption<string?> _json = Options.Json();

    private CheckCommand()
    {
    }

    public static Command Create(CommandConsole console, CancellationToken cancellationToken)
    {
        var verb = new CheckCommand();
        var command = new Command("check", "Explore interleavings of the engine under a deterministic scheduler, with store buffers and TLBs at their worst")
        {
            verb._scenarios, verb._list, verb._strategy, verb._memory, verb._lock, verb._preemptions, verb._seed, verb._time, verb._jobs, verb._replay, verb._json,
        };
        command.SetAction(result =>
        {
            string[] scenarios = result.GetValue(verb._scenarios) ?? [];
            string? replay = verb._replay.ValueIn(result);
            if (replay is not null && (scenarios.Length != 0 || verb._json.ValueIn(result) is not null))
            {
                throw CommandException.Usage("--replay follows the one schedule in its file: it takes neither scenarios nor --json");
            }

            if (result.GetValue(verb._list))
            {
                _ = PlanFor(new CheckOptions { Scenarios = scenarios });
                CheckTable.PrintList(console, scenarios);
                return ExitCode.Done;
            }

            if (!Atomics.IsControllable)
            {
                throw CommandException.Failed("the verb has to be the first argument: it decides how the engine is compiled");
            }

            if (replay is not null)
            {
                return VerbThread.Run("check", () => Replay(replay, console));
            }

            CheckOptions options = verb.Bind(result);
            CheckPlan plan = PlanFor(options);
            JsonTarget target = JsonTarget.Open(verb._json.ValueIn(result), console);
            return VerbThread.Run("check", () => Run(options, plan, target, console, cancellationToken));
        });
        return command;
    }

    private static CheckPlan PlanFor(CheckOptions options)
    {
        try
        {
            return CheckPlan.Create(options);
        }
        catch (ArgumentException exception)
        {
            throw CommandException.Usage($"{exception.Message.Split('(')[0].Trim()} See tdpmmu check --list.");
        }
    }

    private static int Run(CheckOptions options, CheckPlan plan, JsonTarget target, CommandConsole console, CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        var files = new FindingFiles();
        IReadOnlyList<CheckResult> results;
        using (new ProgressLine(console, "checking", () => Math.Min(1, Stopwatch.GetElapsedTime(start) / options.Time)))
        {
            results = CheckRunner.Run(
                options,
                plan,
                result =>
                {
                    if (result.Report.Finding is { } finding)
                    {
                        files.Save(result, finding.Recording);
                    }
                },
                cancellationToken);
        }

        if (!target.OwnsStandardOutput)
        {
            CheckTable.Print(console, results, plan.Count - results.Count, files);
        }

        target.Write(CheckReport.Of(options, results, plan.Count - results.Count, files), ReportJsonContext.Default.CheckReport);
        cancellationToken.ThrowIfCancellationRequested();
        foreach (CheckResult result in results.Where(result => files.FailureOf(result) is not null))
        {
            console.Complain($"the replay file of {result.Report.Program} could not be written: {files.FailureOf(result)}");
        }

        int findings = results.Count(result => result.Report.Finding is not null);
        if (findings == 0)
        {
            return ExitCode.Done;
        }

        console.Complain($"{findings} of {results.Count} explorations found something; replay one with tdpmmu check --replay FILE");
        return ExitCode.Failed;
    }

    private static int Replay(string path, CommandConsole console)
    {
        Recording recording;
        try
        {
            recording = Recording.Load(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw CommandException.Usage($"--replay: {exception.Message}");
        }

        try
        {
            if (CheckRunner.Replay(recording) is not { } finding)
            {
                console.PrintLine($"{recording.Program}: nothing goes wrong on this schedule any more. It was: {recording.Finding}");
                return ExitCode.Done;
            }

            CheckTable.PrintFinding(console, recording.Program, recording.Memory, finding);
        }
        catch (InvalidDataException exception)
        {
            throw CommandException.Failed(exception.Message, exception);
        }

        return ExitCode.Failed;
    }

    private CheckOptions Bind(ParseResult result) => new()
    {
        Scenarios = result.GetValue(_scenarios) ?? [],
        Strategy = _strategy.ValueIn(result),
        Memory = _memory.ValueIn(result),
        Locks = _lock.ValueIn(result),
        Preemptions = _preemptions.ValueIn(result),
        Seed = (ulong)_seed.ValueIn(result),
        Time = _time.ValueIn(result),
        Jobs = _jobs.ValueIn(result),
    };
}
