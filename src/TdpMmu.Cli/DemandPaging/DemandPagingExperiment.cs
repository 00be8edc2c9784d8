using System.Globalization;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Concurrency;
using TdpMmu.Linux;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>Warms up, then runs every MMU once per round, so that what is compared shares the machine's mood.</summary>
internal sealed class DemandPagingExperiment(DemandPagingOptions options, CommandConsole console)
{
    private const int MinimumWarmupRuns = 2;
    private const int MaximumWarmupRuns = 40;
    private const long WarmupNanoseconds = 400_000_000;
    private const ulong WarmupBytes = 32UL << 20;

    private readonly CpuPlacement _placement = new();

    /// <exception cref="OperationCanceledException">The token was cancelled; nothing is left running.</exception>
    /// <exception cref="CommandException">The machine lacks what a run needs.</exception>
    public DemandPagingReport Run(CancellationToken cancellationToken)
    {
        TouchHostMemory(cancellationToken);
        int warmupRuns = 0;
        foreach (MmuChoice mmu in options.Mmus)
        {
            warmupRuns += WarmUp(mmu, cancellationToken);
        }

        var runs = new List<DemandPagingRunReport>();
        for (int round = 0; round < options.Repeat; round++)
        {
            foreach (MmuChoice mmu in options.Mmus)
            {
                string label = string.Create(CultureInfo.InvariantCulture, $"{ChoiceNames.Mmu.NameOf(mmu)}, round {round + 1} of {options.Repeat}");
                runs.Add(Execute(options, mmu, label, cancellationToken) with { Repeat = round });
            }
        }

        return new DemandPagingReport
        {
            Options = DemandPagingOptionsReport.Of(options),
            WarmupRuns = warmupRuns,
            Runs = runs,
            Comparisons = PairedComparison.Compare(runs),
        };
    }

    /// <summary>
    /// Takes as much memory from the kernel as a run will, and gives it back. On a machine that is itself virtual, memory that was
    /// never touched costs twice as much, which would be charged to whatever runs first.
    /// </summary>
    private void TouchHostMemory(CancellationToken cancellationToken)
    {
        const ulong ChunkBytes = 256UL << 20;
        ulong length = options.GuestBytes;
        ulong done = 0;
        using var progress = new ProgressLine(console, "touching memory", () => (double)done / length);
        try
        {
            using var memory = MappedMemory.Create(new MappedMemoryOptions { Length = length, TransparentHugePages = true });
            while (done < length)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ulong chunk = Math.Min(ChunkBytes, length - done);
                memory.Populate(done, chunk, write: true);
                done += chunk;
            }
        }
        catch (HostMemoryException exception)
        {
            throw CommandException.MissingResource(exception.Message, exception);
        }
    }

    /// <summary>Runs on throwaway machines until the runtime has compiled what is measured with all its optimisations.</summary>
    private int WarmUp(MmuChoice mmu, CancellationToken cancellationToken)
    {
        int vcpus = Math.Min(options.Vcpus, 2 * _placement.CpuCount);
        ulong unit = (ulong)options.PageSize;
        ulong perVcpu = Math.Max(unit, WarmupBytes / (ulong)vcpus / unit * unit);
        DemandPagingOptions small = options with { Vcpus = vcpus, MemoryPerVcpu = Math.Min(options.MemoryPerVcpu, perVcpu) };
        long start = Atomics.Now;
        int runs = 0;
        while (runs < MinimumWarmupRuns || (runs < MaximumWarmupRuns && Atomics.Now - start < WarmupNanoseconds))
        {
            Execute(small, mmu, "warming up " + ChoiceNames.Mmu.NameOf(mmu), cancellationToken);
            runs++;
        }

        return runs;
    }

    /// <summary>One run. What goes wrong in it becomes its report, so that the other runs still count.</summary>
    private DemandPagingRunReport Execute(DemandPagingOptions runOptions, MmuChoice mmu, string label, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        WorkerRecord[] records = [.. Enumerable.Range(0, runOptions.Vcpus).Select(_ => new WorkerRecord())];
        double touches = records.Select((_, vcpu) => (double)runOptions.PagesOf(vcpu).Count).Sum();
        using var progress = new ProgressLine(console, label, () => records.Sum(record => (double)record.PagesTouched) / touches);

        // Garbage of the run before must not be collected during this one.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        try
        {
            return mmu == MmuChoice.None
                ? FloorRun.Execute(runOptions, _placement, records, cancellationToken)
                : VirtualMachineRun.Execute(runOptions, mmu, _placement, records, cancellationToken);
        }
        catch (AggregateException exception)
        {
            // Several vCPUs may have failed; the first is the cause of the others.
            return RunReports.Failed(runOptions, mmu, exception.InnerExceptions[0].Message);
        }
        catch (Exception exception) when (exception is TdpMmuException or OutOfMemoryException)
        {
            return RunReports.Failed(runOptions, mmu, exception.Message);
        }
    }
}
