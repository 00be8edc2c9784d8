using System.CommandLine;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>The options of the verb, what they must satisfy together, and its exit code.</summary>
internal sealed class DemandPagingCommand
{
    private const ulong LargestRegion = 1UL << 44;

    private readonly ValueOption<int> _vcpus = Options.Count("--vcpus", "Virtual CPUs, one thread each", 1, DemandPagingOptions.MaximumVcpus, 4);

    private readonly ValueOption<ulong> _memory = Options.Size("--memory-per-vcpu", "Guest memory per vCPU", PageGeometry.PageSize, LargestRegion, PageGeometry.PageSize, 64UL << 20);

    private readonly ValueOption<IReadOnlyList<MmuChoice>> _mmu = Options.ChoiceList("--mmu", "What to run, interleaved; none is the same host faults with no MMU at all", ChoiceNames.Mmu, MmuChoice.Direct, MmuChoice.Legacy);

    private readonly ValueOption<LockPolicyKind> _lock = Options.Choice("--lock", "How the direct MMU excludes walkers from each other", ChoiceNames.Lock, LockPolicyKind.Rcu);

    private readonly ValueOption<PagingFormatKind> _format = Options.Choice("--format", "Format of the page tables", ChoiceNames.Format, PagingFormatKind.Ept);

    private readonly ValueOption<HostPageSource> _source = Options.Choice("--source", "How a missing host page comes in: userfaultfd (missing, minor), the vCPU's own thread (exit), the kernel (anonymous), or it is there (resident)", ChoiceNames.Source, HostPageSource.Missing);

    private readonly ValueOption<HandlerLayout> _handlers = Options.Choice("--handlers", "Userfaultfd handlers: one per vCPU on its CPU, or one for all", ChoiceNames.Handlers, HandlerLayout.PerVcpu);

    private readonly ValueOption<FirstAccess> _access = Options.Choice("--access", "What the guest does to each page first", ChoiceNames.Access, FirstAccess.Write);

    private readonly ValueOption<TouchPattern> _pattern = Options.Choice("--pattern", "Whether vCPUs touch regions of their own or all the same pages", ChoiceNames.Pattern, TouchPattern.Disjoint);

    private readonly ValueOption<LeafLimit> _pageSize = Options.Choice("--page-size", "Largest leaf that the MMU may map; every 4 KiB page is touched in any case", ChoiceNames.PageSize, LeafLimit.Page4K);

    private readonly ValueOption<HostBacking> _backing = Options.Choice("--backing", "For --source minor, exit and anonymous: whether the kernel has allocated the host memory before time is taken", ChoiceNames.Backing, HostBacking.Untouched);

    private readonly ValueOption<int> _repeat = Options.Count("--repeat", "Rounds; each runs every MMU once", 1, 1000, 1);

    private readonly ValueOption<string?> _json = Options.Json();

    private DemandPagingCommand()
    {
    }

    public static Command Create(CommandConsole console, CancellationToken cancellationToken)
    {
        var verb = new DemandPagingCommand();
        var command = new Command("demand-paging", "vCPUs touch their memory for the first time: measure the page faults, and compare the MMUs that handle them")
        {
            verb._vcpus, verb._memory, verb._mmu, verb._lock, verb._format, verb._source, verb._handlers, verb._access, verb._pattern,
            verb._pageSize, verb._backing, verb._repeat, verb._json,
        };
        command.SetAction(result =>
        {
            DemandPagingOptions options = verb.Bind(result);
            JsonTarget target = JsonTarget.Open(verb._json.ValueIn(result), console);
            return VerbThread.Run("demand-paging", () => Run(options, target, console, cancellationToken));
        });
        return command;
    }

    private static int Run(DemandPagingOptions options, JsonTarget target, CommandConsole console, CancellationToken cancellationToken)
    {
        ResourceCheck.Demand(options);
        DemandPagingReport report = new DemandPagingExperiment(options, console).Run(cancellationToken);
        if (!target.OwnsStandardOutput)
        {
            DemandPagingTable.Print(console, report);
        }

        target.Write(report, ReportJsonContext.Default.DemandPagingReport);
        DemandPagingRunReport? failed = report.Runs.FirstOrDefault(run => run.Error is not null);
        if (failed is null)
        {
            return ExitCode.Done;
        }

        console.Complain($"{report.Runs.Count(run => run.Error is not null)} of {report.Runs.Count} runs failed; the first, {failed.Mmu} in round {failed.Repeat}: {failed.Error}");
        return ExitCode.Failed;
    }

    /// <summary>Reads the options and refuses combinations that cannot mean anything, rather than ignoring half of them.</summary>
    private DemandPagingOptions Bind(ParseResult result)
    {
        var options = new DemandPagingOptions
        {
            Vcpus = _vcpus.ValueIn(result),
            MemoryPerVcpu = _memory.ValueIn(result),
            Mmus = _mmu.ValueIn(result),
            Lock = _lock.ValueIn(result),
            Format = _format.ValueIn(result),
            Source = _source.ValueIn(result),
            Handlers = _handlers.ValueIn(result),
            Access = _access.ValueIn(result),
            Pattern = _pattern.ValueIn(result),
            PageSize = _pageSize.ValueIn(result),
            Backing = _backing.ValueIn(result),
            Repeat = _repeat.ValueIn(result),
        };

        // Written as a division: the product may not fit.
        if (options.MemoryPerVcpu > DemandPagingOptions.MaximumGuestBytes / (ulong)options.Vcpus)
        {
            throw CommandException.Usage($"--memory-per-vcpu: {options.Vcpus} vCPUs with {ByteSize.Exact(options.MemoryPerVcpu)} each exceed {ByteSize.Exact(DemandPagingOptions.MaximumGuestBytes)} in all; give fewer vCPUs or less memory each");
        }

        if (options.MemoryPerVcpu % (ulong)options.PageSize != 0)
        {
            throw CommandException.Usage($"--page-size: regions of {ByteSize.Exact(options.MemoryPerVcpu)} are no multiple of {ByteSize.Exact((ulong)options.PageSize)}; give --memory-per-vcpu as a multiple of it, or a smaller --page-size");
        }

        string source = ChoiceNames.Source.NameOf(options.Source);
        if (!options.UsesUserfaultfd && _handlers.IsGivenIn(result))
        {
            throw CommandException.Usage($"--handlers means nothing to --source {source}, which has no handlers; leave it out, or give --source missing or minor");
        }

        if (options.Source is not (HostPageSource.Minor or HostPageSource.Exit or HostPageSource.Anonymous) && _backing.IsGivenIn(result))
        {
            throw CommandException.Usage($"--backing means nothing to --source {source}; leave it out, or give --source minor, exit or anonymous");
        }

        if (!options.Mmus.Contains(MmuChoice.Direct) && _lock.IsGivenIn(result))
        {
            throw CommandException.Usage("--lock means nothing without the direct MMU; leave it out, or give --mmu direct");
        }

        return options;
    }
}
