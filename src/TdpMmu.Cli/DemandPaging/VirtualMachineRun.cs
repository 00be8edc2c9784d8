using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>One run under an MMU, on a virtual machine of its own.</summary>
internal static class VirtualMachineRun
{
    /// <summary>Where guest memory starts: aligned for every leaf, and not zero, so that a lost base address shows.</summary>
    private static readonly Gpa s_baseAddress = new(4UL << 30);

    public static DemandPagingRunReport Execute(
        DemandPagingOptions options, MmuChoice mmu, CpuPlacement placement, WorkerRecord[] records, CancellationToken cancellationToken)
    {
        using var guestMemory = new GuestMemory(options, placement);
        using var machine = new VirtualMachine(new VirtualMachineOptions
        {
            Format = options.Format,
            Mmu = mmu == MmuChoice.Legacy ? MmuKind.Legacy : MmuKind.Direct,
            Lock = options.Lock,
            VcpuCount = options.Vcpus,
            FaultTimingInterval = RunReports.TimingIntervalOf(options.Source),
            VcpuThreadStarted = placement.PinCurrentThread,
        });
        machine.AddSlot(s_baseAddress, guestMemory.Memory, new MemorySlotOptions { MaxPageLevel = LevelOf(options.PageSize) });
        machine.Run(new GuestTouchProgram(options, s_baseAddress, records).Run, cancellationToken);

        // Taken before verification, which reads through the same machine.
        VirtualMachineStatistics statistics = machine.GetStatistics();
        string? fault = RunVerification.FindFault(
            options, records, (page, destination) => machine.Read(new Gpa(s_baseAddress.Value + (page * PageGeometry.PageSize)), destination), cancellationToken);
        new InvalidationProbe(machine, options, s_baseAddress).Run(cancellationToken);
        VirtualMachineStatistics probed = machine.GetStatistics();
        double vcpuNanoseconds = records.Sum(record => (double)(record.EndNanoseconds - record.StartNanoseconds));
        return RunReports.Create(options, mmu, records, guestMemory) with
        {
            Error = fault ?? guestMemory.HandlerFailure?.Message,
            Verified = fault is null && guestMemory.HandlerFailure is null,
            Faults = statistics.Faults,
            Retries = statistics.Retries,
            LockWaitFraction = ShareOf(statistics.LockWaitNanoseconds, vcpuNanoseconds),
            HostWaitFraction = ShareOf(statistics.HostWaitNanoseconds, vcpuNanoseconds),
            MmuFraction = ShareOf(statistics.MmuNanoseconds, vcpuNanoseconds),
            TableBytes = (ulong)statistics.TableBytes,
            MetadataBytes = (ulong)statistics.MetadataBytes,
            PageStateBytes = (ulong)statistics.PageStateBytes,
            FaultLatency = RunReports.HistogramOf(statistics.FaultLatency),
            FlushLatency = RunReports.HistogramOf(probed.FlushLatency),
            InvalidationLatency = RunReports.HistogramOf(probed.InvalidationLatency),
        };
    }

    /// <summary>At most all of it: a sum that is scaled up from samples can come out larger than the whole.</summary>
    private static double? ShareOf(ulong nanoseconds, double vcpuNanoseconds)
        => Quantity.Ratio(nanoseconds, vcpuNanoseconds) is { } share ? Math.Min(share, 1) : null;

    private static PagingLevel LevelOf(LeafLimit pageSize) => pageSize switch
    {
        LeafLimit.Page1G => PagingLevel.Page1GiB,
        LeafLimit.Page2M => PagingLevel.Page2MiB,
        _ => PagingLevel.Page4KiB,
    };
}
