using System.CommandLine;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>The options of the verb, what they must satisfy together, and its exit code.</summary>
internal sealed class SimulateCommand
{
    private const ulong LargestRegion = 1UL << 40;
    private const ulong LargestGuest = 1UL << 44;
    private const string DefaultMachine = "x86-416";

    private readonly Argument<string?> _workload = new("WORKLOAD")
    {
        Description = "demand-paging: vCPUs touch their memory for the first time; invalidate: host threads take memory away that vCPUs use",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly ValueOption<int> _vcpus = Options.Count("--vcpus", "Virtual CPUs, each on a processor of its own", 1, SimulationOptions.MaximumVcpus, 416);

    private readonly ValueOption<IReadOnlyList<int>?> _sweep = Options.CountList("--sweep", "Numbers of vCPUs to simulate one after the other, instead of --vcpus", 1, SimulationOptions.MaximumVcpus);

    private readonly ValueOption<ulong> _memory = Options.Size("--memory-per-vcpu", "Guest memory per vCPU; the time for all of it is extrapolated from the sample", PageGeometry.PageSize, LargestRegion, PageGeometry.PageSize, 4UL << 30);

    private readonly ValueOption<int> _sample = Options.Count("--sample", "Pages that each vCPU touches in virtual time", 1, 1 << 20, 256);

    private readonly ValueOption<string?> _machine = Options.Text("--machine", $"A machine that comes with the tool ({string.Join(", ", MachineCatalog.Names)}), or a file [default: {DefaultMachine}]", "NAME|FILE");

    private readonly ValueOption<IReadOnlyList<SimulatedMmu>> _mmu = Options.ChoiceList("--mmu", "What to simulate; none is the same host work with no MMU at all", SimulationNames.Mmu, SimulatedMmu.Direct, SimulatedMmu.Legacy, SimulatedMmu.None);

    private readonly ValueOption<IReadOnlyList<LockPolicyKind>> _lock = Options.ChoiceList("--lock", "How the direct MMU excludes walkers from each other", ChoiceNames.Lock, LockPolicyKind.Rcu, LockPolicyKind.ReadWrite, LockPolicyKind.Monolithic);

    private readonly ValueOption<SimulatedSource> _source = Options.Choice("--source", "How a missing page comes in: userfaultfd with a handler for each vCPU (missing) or one for all (shared), the vCPU's thread (exit), the kernel (anonymous), or it is there (resident)", SimulationNames.Source, SimulatedSource.Missing);

    private readonly ValueOption<TouchPattern> _pattern = Options.Choice("--pattern", "Whether vCPUs touch regions of their own or all the same pages", ChoiceNames.Pattern, TouchPattern.Disjoint);

    private readonly ValueOption<int> _invalidators = Options.Count("--invalidators", "Host threads that invalidate", 1, 64, 8);

    private readonly ValueOption<int> _seed = Options.Count("--seed", "Decides by how much vCPUs start apart, and what is invalidated", 0, int.MaxValue, 1);

    private readonly Option<bool> _explain = new("--explain") { Description = "List the cache lines that cost most, what they hold, and the code that wants them" };

    private readonly Option<bool> _calibrate = new("--calibrate") { Description = "Simulate published experiments and measurements of this project, and print ours beside theirs" };

    private readonly ValueOption<string?> _plot = Options.Text("--plot", "Draw throughput over vCPUs into this SVG file", "FILE");

    private readonly ValueOption<string?> _json = Options.Json();

    private SimulateCommand()
    {
    }

    public static Command Create(CommandConsole console, CancellationToken cancellationToken)
    {
        var verb = new SimulateCommand();
        var command = new Command("simulate", "Run the engine in virtual time on hundreds of simulated CPUs with a cache-line cost model")
        {
            verb._workload, verb._vcpus, verb._sweep, verb._memory, verb._sample, verb._machine, verb._mmu, verb._lock, verb._source, verb._pattern,
            verb._invalidators, verb._seed, verb._explain, verb._calibrate, verb._plot, verb._json,
        };
        command.SetAction(result =>
        {
            JsonTarget target = JsonTarget.Open(verb._json.ValueIn(result), console);
            if (result.GetValue(verb._calibrate))
            {
                verb.RefuseAllElse(result);
                return VerbThread.Run("simulate", () => SimulateExperiment.Calibrate(target, console, cancellationToken));
            }

            SimulateOptions options = verb.Bind(result);
            return VerbThread.Run("simulate", () => new SimulateExperiment(options, console).Run(target, cancellationToken));
        });
        return command;
    }

    // Calibration runs experiments of its own on machines of its own.
    private void RefuseAllElse(ParseResult result)
    {
        Option[] meaningless = [_vcpus, _sweep, _memory, _sample, _machine, _mmu, _lock, _source, _pattern, _invalidators, _seed, _explain, _plot];
        string? given = result.GetValue(_workload) ?? meaningless.FirstOrDefault(option => result.GetResult(option) is { Implicit: false })?.Name;
        if (given is not null)
        {
            throw CommandException.Usage($"--calibrate runs experiments of its own; leave '{given}' out");
        }
    }

    /// <summary>Reads the options and refuses combinations that cannot mean anything, rather than ignoring half of them.</summary>
    private SimulateOptions Bind(ParseResult result)
    {
        SimulatedExperimentKind workload = BindWorkload(result.GetValue(_workload));
        if (_sweep.IsGivenIn(result) && _vcpus.IsGivenIn(result))
        {
            throw CommandException.Usage("--sweep and --vcpus say the same thing; give one of them");
        }

        bool isInvalidation = workload == SimulatedExperimentKind.Invalidate;
        IReadOnlyList<SimulatedMmu> mmus = _mmu.ValueIn(result);
        if (isInvalidation && mmus.Contains(SimulatedMmu.None))
        {
            if (_mmu.IsGivenIn(result))
            {
                throw CommandException.Usage("--mmu none has nothing to invalidate; give --mmu direct,legacy");
            }

            mmus = [SimulatedMmu.Direct, SimulatedMmu.Legacy];
        }

        if (isInvalidation && _source.IsGivenIn(result))
        {
            throw CommandException.Usage("--source means nothing to invalidate, whose pages are there; leave it out");
        }

        if (!isInvalidation && _invalidators.IsGivenIn(result))
        {
            throw CommandException.Usage("--invalidators means nothing to demand-paging; leave it out, or simulate invalidate");
        }

        if (!mmus.Contains(SimulatedMmu.Direct) && _lock.IsGivenIn(result))
        {
            throw CommandException.Usage("--lock means nothing without the direct MMU; leave it out, or give --mmu direct");
        }

        IReadOnlyList<int> vcpus = _sweep.ValueIn(result) ?? [_vcpus.ValueIn(result)];
        ulong memory = _memory.ValueIn(result);
        if (memory > LargestGuest / (ulong)vcpus[^1])
        {
            throw CommandException.Usage($"--memory-per-vcpu: {vcpus[^1]} vCPUs with {ByteSize.Exact(memory)} each exceed {ByteSize.Exact(LargestGuest)} in all; give fewer vCPUs or less memory each");
        }

        if (memory / PageGeometry.PageSize < (ulong)_sample.ValueIn(result))
        {
            throw CommandException.Usage($"--sample: {ByteSize.Exact(memory)} have fewer than {_sample.ValueIn(result)} pages; give a smaller sample or more memory");
        }

        return new SimulateOptions
        {
            Workload = workload,
            Machine = BindMachine(_machine.ValueIn(result) ?? DefaultMachine),
            Vcpus = vcpus,
            MemoryPerVcpu = memory,
            SamplePages = _sample.ValueIn(result),
            Mmus = mmus,
            Locks = _lock.ValueIn(result),
            Source = isInvalidation ? SimulatedSource.Resident : _source.ValueIn(result),
            Pattern = _pattern.ValueIn(result),
            Invalidators = _invalidators.ValueIn(result),
            Seed = _seed.ValueIn(result),
            Explain = result.GetValue(_explain),
            Plot = _plot.ValueIn(result),
        };
    }

    private static SimulatedExperimentKind BindWorkload(string? name)
    {
        if (name is null)
        {
            throw CommandException.Usage($"simulate needs a workload: {SimulationNames.Workload.Listed}, or --calibrate");
        }

        return SimulationNames.Workload.TryParse(name, out SimulatedExperimentKind workload, out string? error)
            ? workload
            : throw CommandException.Usage("simulate: " + error);
    }

    private static MachineModel BindMachine(string name)
    {
        if (MachineCatalog.Names.Contains(name, StringComparer.Ordinal))
        {
            return MachineCatalog.Get(name);
        }

        try
        {
            return MachineCatalog.Parse(File.ReadAllText(name));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or FormatException or NotSupportedException)
        {
            throw CommandException.Usage($"--machine: '{name}' is neither a machine that comes with the tool ({string.Join(", ", MachineCatalog.Names)}) nor a file with one ({exception.Message.TrimEnd('.')})");
        }
    }
}
