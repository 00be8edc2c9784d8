using TdpMmu.Concurrency;
using TdpMmu.Machine;

namespace TdpMmu;

/// <summary>What a machine has counted since it was created. Exact when nothing runs.</summary>
public sealed unsafe class VirtualMachineStatistics
{
    internal VirtualMachineStatistics(MachineCore core, Mmu mmu, long pageStateBytes)
    {
        var participants = core.Participants;
        Vcpus = [.. Enumerable.Range(0, participants.VcpuCount).Select(vcpu => new VcpuStatistics(core, vcpu))];
        TableBytes = core.Pool.TablesInUse * (long)PageGeometry.PageSize;
        TableReservedBytes = core.Pool.ReservedBytes;
        MetadataBytes = mmu.MetadataBytes;
        PageStateBytes = pageStateBytes;
        Leaves4KiB = core.Counters.LeavesAt(PagingLevel.Page4KiB);
        Leaves2MiB = core.Counters.LeavesAt(PagingLevel.Page2MiB);
        Leaves1GiB = core.Counters.LeavesAt(PagingLevel.Page1GiB);
        TlbFlushes = core.Flush.CompletedCount;
        FaultLatency = new LatencyHistogram();
        FlushLatency = new LatencyHistogram();
        InvalidationLatency = new LatencyHistogram();
        for (var participant = 0; participant < participants.Count; participant++)
        {
            // SAFETY: counters live as long as the machine, which the caller checked to be alive.
            var counters = core.Counters.Of(participant);
            FaultLatency.Add(&counters->FaultLatency);
            FlushLatency.Add(&counters->FlushLatency);
            InvalidationLatency.Add(&counters->InvalidationLatency);
            HostSideLockWaitNanoseconds += participant < participants.VcpuCount
                ? 0
                : Atomics.LoadRelaxed(participants.LockWaitNanoseconds(participant));
        }
    }

    /// <summary>Each vCPU's counts.</summary>
    public IReadOnlyList<VcpuStatistics> Vcpus { get; }

    /// <summary>Page faults of all vCPUs.</summary>
    public ulong Faults => Sum(static vcpu => vcpu.Faults);

    /// <summary>Faults of all vCPUs that were taken again.</summary>
    public ulong Retries => Sum(static vcpu => vcpu.Retries);

    /// <summary>Time that all vCPUs waited for the MMU lock, in nanoseconds.</summary>
    public ulong LockWaitNanoseconds => Sum(static vcpu => vcpu.LockWaitNanoseconds);

    /// <summary>Time that all vCPUs waited for host pages, in nanoseconds.</summary>
    public ulong HostWaitNanoseconds => Sum(static vcpu => vcpu.HostWaitNanoseconds);

    /// <summary>Time that all vCPUs spent in the MMU, in nanoseconds.</summary>
    public ulong MmuNanoseconds => Sum(static vcpu => vcpu.MmuNanoseconds);

    /// <summary>Time that all vCPUs ran programs, in nanoseconds.</summary>
    public ulong RunNanoseconds => Sum(static vcpu => vcpu.RunNanoseconds);

    /// <summary>Managed bytes that all vCPU threads allocated in programs.</summary>
    public ulong AllocatedBytes => Sum(static vcpu => vcpu.AllocatedBytes);

    /// <summary>Time that host operations waited for the MMU lock, in nanoseconds.</summary>
    public ulong HostSideLockWaitNanoseconds { get; }

    /// <summary>Bytes of page tables in use.</summary>
    public long TableBytes { get; }

    /// <summary>Bytes of page tables taken from the operating system.</summary>
    public long TableReservedBytes { get; }

    /// <summary>Bytes that the MMU keeps per table and per mapping besides the tables.</summary>
    public long MetadataBytes { get; }

    /// <summary>Bytes that record which host pages are present.</summary>
    public long PageStateBytes { get; }

    /// <summary>Mappings of 4 KiB.</summary>
    public long Leaves4KiB { get; }

    /// <summary>Mappings of 2 MiB.</summary>
    public long Leaves2MiB { get; }

    /// <summary>Mappings of 1 GiB.</summary>
    public long Leaves1GiB { get; }

    /// <summary>TLB flushes that were carried out.</summary>
    public ulong TlbFlushes { get; }

    /// <summary>How long the timed faults took, waits included.</summary>
    public LatencyHistogram FaultLatency { get; }

    /// <summary>How long TLB flushes took for who asked.</summary>
    public LatencyHistogram FlushLatency { get; }

    /// <summary>How long it took from the begin of an invalidation until the host might act.</summary>
    public LatencyHistogram InvalidationLatency { get; }

    private ulong Sum(Func<VcpuStatistics, ulong> value) => Vcpus.Aggregate(0UL, (total, vcpu) => total + value(vcpu));
}
