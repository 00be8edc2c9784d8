using TdpMmu.Concurrency;
using TdpMmu.Machine;

namespace TdpMmu;

/// <summary>What one vCPU has counted since the machine was created. Exact when the vCPU does not run.</summary>
public sealed unsafe class VcpuStatistics
{
    internal VcpuStatistics(MachineCore core, int vcpu)
    {
        // SAFETY: counters live as long as the machine, which the caller checked to be alive.
        var counters = core.Counters.Of(vcpu);
        Faults = counters->Faults;
        Retries = counters->Retries;
        FastFaults = counters->FastFaults;
        SpuriousFaults = counters->SpuriousFaults;
        MmioExits = counters->MmioExits;
        TlbFlushes = counters->TlbFlushesServed;
        RunNanoseconds = counters->RunNanoseconds;
        HostWaitNanoseconds = counters->HostWaitNanoseconds;
        InvalidationWaitNanoseconds = counters->InvalidationWaitNanoseconds;
        AllocatedBytes = counters->AllocatedBytes;
        LockWaits = Atomics.LoadRelaxed(core.Participants.LockWaits(vcpu));
        LockWaitNanoseconds = Atomics.LoadRelaxed(core.Participants.LockWaitNanoseconds(vcpu));
        var all = counters->TimedFaults == 0 ? 0 : counters->TimedFaultNanoseconds * ((double)Faults / counters->TimedFaults);
        MmuNanoseconds = (ulong)Math.Max(0, all - HostWaitNanoseconds - LockWaitNanoseconds - InvalidationWaitNanoseconds);
        FaultLatency = new LatencyHistogram();
        FaultLatency.Add(&counters->FaultLatency);
    }

    /// <summary>Page faults.</summary>
    public ulong Faults { get; }

    /// <summary>Faults that found something in the way and were taken again.</summary>
    public ulong Retries { get; }

    /// <summary>Faults that one compare-and-swap without a lock settled.</summary>
    public ulong FastFaults { get; }

    /// <summary>Faults whose access another vCPU had made possible already.</summary>
    public ulong SpuriousFaults { get; }

    /// <summary>Accesses that went to the owner of the machine.</summary>
    public ulong MmioExits { get; }

    /// <summary>TLB flushes and other requests that the vCPU served.</summary>
    public ulong TlbFlushes { get; }

    /// <summary>Time spent in guest programs, faults included, in nanoseconds.</summary>
    public ulong RunNanoseconds { get; }

    /// <summary>How often the vCPU waited for the MMU lock.</summary>
    public ulong LockWaits { get; }

    /// <summary>Time spent waiting for the MMU lock, in nanoseconds.</summary>
    public ulong LockWaitNanoseconds { get; }

    /// <summary>Time spent waiting for host pages, in nanoseconds.</summary>
    public ulong HostWaitNanoseconds { get; }

    /// <summary>Time spent waiting for invalidations and slot deletions to end, in nanoseconds.</summary>
    public ulong InvalidationWaitNanoseconds { get; }

    /// <summary>
    /// Time spent in the MMU's own code, in nanoseconds: that of the timed faults, scaled to all faults, without the two waits.
    /// </summary>
    public ulong MmuNanoseconds { get; }

    /// <summary>Managed bytes that the vCPU's thread allocated while it ran programs.</summary>
    public ulong AllocatedBytes { get; }

    /// <summary>How long the timed faults took, waits included.</summary>
    public LatencyHistogram FaultLatency { get; }
}
