using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>Makes the report of a run from what its workers left behind.</summary>
internal static class RunReports
{
    private const double NanosecondsPerSecond = 1e9;

    /// <summary>What every run reports, whatever ran it. The caller adds what only it knows.</summary>
    public static DemandPagingRunReport Create(DemandPagingOptions options, MmuChoice mmu, WorkerRecord[] records, GuestMemory guestMemory)
    {
        long nanoseconds = records.Max(record => record.EndNanoseconds) - records.Min(record => record.StartNanoseconds);
        double seconds = nanoseconds / NanosecondsPerSecond;
        double? pagesPerSecond = Quantity.Ratio(options.GuestPages, seconds);
        return Blank(options, mmu) with
        {
            WallSeconds = seconds,
            PagesPerSecond = pagesPerSecond,
            PagesPerSecondPerVcpu = pagesPerSecond / options.Vcpus,
            GcAllocatedBytes = records.Sum(record => record.AllocatedBytes) + guestMemory.HandlerAllocatedBytes,
        };
    }

    /// <summary>A run that did not get as far as having results.</summary>
    public static DemandPagingRunReport Failed(DemandPagingOptions options, MmuChoice mmu, string error)
        => Blank(options, mmu) with { Error = error };

    public static HistogramReport HistogramOf(LatencyHistogram histogram)
    {
        bool isEmpty = histogram.Count == 0;
        return new HistogramReport
        {
            Count = histogram.Count,
            Min = isEmpty ? null : histogram.Minimum,
            P50 = isEmpty ? null : histogram.Percentile(0.5),
            P90 = isEmpty ? null : histogram.Percentile(0.9),
            P99 = isEmpty ? null : histogram.Percentile(0.99),
            P999 = isEmpty ? null : histogram.Percentile(0.999),
            Max = isEmpty ? null : histogram.Maximum,
        };
    }

    /// <summary>Faults that cost microseconds are all timed; where a fault costs as much as two looks at the clock, a sample is.</summary>
    public static int TimingIntervalOf(HostPageSource source) => source switch
    {
        HostPageSource.Resident or HostPageSource.Exit => 64,
        _ => 1,
    };

    private static DemandPagingRunReport Blank(DemandPagingOptions options, MmuChoice mmu) => new()
    {
        Mmu = ChoiceNames.Mmu.NameOf(mmu),
        Lock = mmu == MmuChoice.Direct ? ChoiceNames.Lock.NameOf(options.Lock) : null,
        Format = mmu == MmuChoice.None ? null : ChoiceNames.Format.NameOf(options.Format),
        Repeat = 0,
        Vcpus = options.Vcpus,
        MemoryPerVcpuBytes = options.MemoryPerVcpu,
        Source = ChoiceNames.Source.NameOf(options.Source),
        Handlers = options.UsesUserfaultfd ? ChoiceNames.Handlers.NameOf(options.Handlers) : null,
        Pages = options.GuestPages,
        GuestBytes = options.GuestBytes,
    };
}
