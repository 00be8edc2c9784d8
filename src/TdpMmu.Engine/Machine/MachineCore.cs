using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.PageTables;
using TdpMmu.Slots;
using TdpMmu.Translation;

namespace TdpMmu.Machine;

/// <summary>What the parts of one machine share: participants and the protocols over them.</summary>
internal sealed class MachineCore : IDisposable
{
    private readonly NativeBlock _lines = new(NativeBlock.LineBytes);
    private CancellationTokenSource _stopping = new();

    internal MachineCore(int vcpuCount, int hostLanes, int runPermits, ulong pageTableLimitBytes)
    {
        Participants = new ParticipantTable(vcpuCount, hostLanes);
        Rendezvous = new Rendezvous(Participants);
        Pool = new PageTablePool(Participants.Count, pageTableLimitBytes);
        Epochs = new EpochDomain(Participants, Pool);
        Counters = new CounterTable(Participants.Count);
        Flush = new TlbFlush(Participants, Rendezvous, Counters);
        Slots = new SlotTable(Participants.Count, Rendezvous);
        Ranges = new InvalidationRanges();
        Permits = new RunPermits(Participants, runPermits);
        BusGate = new BusGate(_lines.Int(64), Permits);
    }

    internal ParticipantTable Participants { get; }

    internal Rendezvous Rendezvous { get; }

    internal EpochDomain Epochs { get; }

    internal PageTablePool Pool { get; }

    internal CounterTable Counters { get; }

    internal TlbFlush Flush { get; }

    internal SlotTable Slots { get; }

    internal InvalidationRanges Ranges { get; }

    internal RunPermits Permits { get; }

    internal BusGate BusGate { get; }

    /// <summary>Conditions that vCPUs look at when they serve a request.</summary>
    internal AtomicInt Conditions => _lines.Int(0);

    /// <summary>Cancelled when the machine stops, for page sources that block.</summary>
    internal CancellationToken Stopping => _stopping.Token;

    /// <summary>Why the machine is broken, or null.</summary>
    internal string? BrokenBecause { get; private set; }

    /// <summary>Makes every vCPU leave its window and look at <see cref="Conditions"/>.</summary>
    internal void KickVcpus()
    {
        for (var vcpu = 0; vcpu < Participants.VcpuCount; vcpu++)
        {
            Atomics.Add(Participants.Request(vcpu), 1);
        }
    }

    /// <summary>Sets conditions and has every vCPU notice.</summary>
    internal void Raise(MachineConditions conditions)
    {
        Atomics.Or(Conditions, (uint)conditions);
        KickVcpus();
    }

    /// <summary>Clears conditions and wakes who waits for that.</summary>
    internal void Clear(MachineConditions conditions)
    {
        Atomics.And(Conditions, ~(uint)conditions);
        Atomics.Wake(Conditions, int.MaxValue);
    }

    /// <summary>Cancels what blocks on behalf of the machine.</summary>
    internal void CancelBlocking() => _stopping.Cancel();

    /// <summary>Replaces a token that was cancelled. Runs exclude each other.</summary>
    internal void RenewStopping()
    {
        if (_stopping.IsCancellationRequested)
        {
            _stopping = new CancellationTokenSource();
        }
    }

    /// <summary>Has the vCPUs end their programs, and what they wait for end.</summary>
    internal void StopRun()
    {
        Raise(MachineConditions.Stopping);
        CancelBlocking();
    }

    /// <summary>Marks the machine as broken and stops its vCPUs.</summary>
    internal void Break(string reason)
    {
        BrokenBecause ??= reason;
        Raise(MachineConditions.Broken);
    }

    /// <summary>Throws if the machine is broken.</summary>
    /// <exception cref="VirtualMachineBrokenException">It is.</exception>
    internal void ThrowIfBroken()
    {
        if (BrokenBecause is { } reason)
        {
            throw new VirtualMachineBrokenException($"The virtual machine is broken and has stopped: {reason}");
        }
    }

    public void Dispose()
    {
        _stopping.Dispose();
        Permits.Dispose();
        Ranges.Dispose();
        Slots.Dispose();
        Flush.Dispose();
        Epochs.Dispose();
        Pool.Dispose();
        Counters.Dispose();
        Participants.Dispose();
        _lines.Dispose();
    }
}
