using System.Diagnostics;
using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>Runs a workload on the engine in virtual time.</summary>
/// <remarks>
/// One simulation runs in a process at a time, and the process needs the switch <see cref="Atomics.ControlSwitch"/> on before the engine's
/// first use. The same options give the same result, to the last digit of every count.
/// </remarks>
public sealed class Simulator
{
    private const int LinesListed = 12;

    // vCPUs that start at exactly the same time would go on in step, which no real ones do.
    private const ulong StartSpread = 2_000_000;

    private readonly SimulationOptions _options;
    private readonly SimulatedWorkload _workload;
    private readonly VirtualTimeController _controller;
    private readonly VcpuRecord[] _records;
    private readonly List<SimulatedThread> _meeting = [];
    private ulong _flushesBefore;

    private Simulator(SimulationOptions options, SimulatedWorkload workload)
    {
        options.Validate();
        _options = options;
        _workload = workload;
        _controller = new VirtualTimeController(options.Machine, options.Explain ? new LineAttribution() : null, options.Seed);
        _records = [.. Enumerable.Range(0, options.Vcpus).Select(static _ => new VcpuRecord())];
    }

    /// <summary>Simulates vCPUs that touch memory for the first time.</summary>
    /// <param name="options">The machine and what it does.</param>
    /// <param name="cancellationToken">Gives the simulation up.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled. What the simulation held stays allocated.</exception>
    /// <exception cref="InvalidOperationException">Control is switched off in this process, or a simulation runs already.</exception>
    public static SimulationResult DemandPaging(SimulationOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new Simulator(options, new DemandPagingWorkload(options)).Run(cancellationToken);
    }

    /// <summary>Simulates host threads that invalidate memory which vCPUs use.</summary>
    /// <param name="options">The machine and what it does; it needs an MMU.</param>
    /// <param name="cancellationToken">Gives the simulation up.</param>
    /// <exception cref="ArgumentException">There is no MMU.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled. What the simulation held stays allocated.</exception>
    /// <exception cref="InvalidOperationException">Control is switched off in this process, or a simulation runs already.</exception>
    public static SimulationResult Invalidation(SimulationOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Mmu == SimulatedMmu.None)
        {
            throw new ArgumentException("Without an MMU there is nothing to invalidate.", nameof(options));
        }

        var workload = new InvalidationWorkload(options);
        var result = new Simulator(options, workload).Run(cancellationToken);
        return result with
        {
            MeanInvalidation = workload.Latencies.Average() / 1000,
            LongestInvalidation = workload.Latencies.Max() / 1000.0,
        };
    }

    /// <summary>Simulates the fault handler alone on memory that is there, as the benchmarks call it.</summary>
    /// <param name="options">The machine and what it does; it needs an MMU.</param>
    /// <param name="cancellationToken">Gives the simulation up.</param>
    public static SimulationResult ResidentFault(SimulationOptions options, CancellationToken cancellationToken = default)
    {
        var resident = options with { Source = SimulatedSource.Resident, Overlapping = false };
        return new Simulator(resident, new ResidentFaultWorkload(resident)).Run(cancellationToken);
    }

    private SimulationResult Run(CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        SimulationResult? result = null;
        _controller.Run(() =>
        {
            using var machine = new SimulatedMachine(_controller, _options);
            _workload.Prepare(machine);
            _controller.IsCharging = true;
            RunThreads(machine);
            _controller.IsCharging = false;
            result = Collect(machine);
        }, cancellationToken);
        return result! with { RealSeconds = clock.Elapsed.TotalSeconds };
    }

    private void RunThreads(SimulatedMachine machine)
    {
        var threads = new List<ControlledThread>();
        if (machine.Engine is { } engine)
        {
            for (var index = 0; index < _workload.HostThreads; index++)
            {
                var number = index;
                _controller.NextProcessor = (_options.Vcpus + index) % _options.Machine.CpuCount;
                threads.Add(Atomics.StartThread($"host {number}", () => RunHostThread(machine, number)));
            }

            _controller.NextProcessor = 0;
            engine.Run(vcpu => RunVcpu(machine, vcpu.Index));
        }
        else
        {
            for (var index = 0; index < _options.Vcpus; index++)
            {
                var number = index;
                threads.Add(Atomics.StartThread($"thread {number}", () => RunVcpu(machine, number)));
            }
        }

        threads.ForEach(static thread => thread.Join());
    }

    private void RunVcpu(SimulatedMachine machine, int index)
    {
        for (var stage = 0; stage < SimulatedWorkload.WarmUnits; stage++)
        {
            _workload.WarmUp(machine, index, stage);
            Meet(machine);
        }

        var thread = _controller.Current;
        var record = _records[index];
        _controller.Advance((long)new SeededSequence(_options.Seed + (ulong)index).Below(StartSpread));
        record.Start = thread.Clock;
        thread.HostTime = 0;
        Count(machine, index, record, -1);
        _workload.RunVcpu(machine, index, record);
        Count(machine, index, record, 1);
        record.End = thread.Clock;
        record.Transfers = thread.Transfers;
        record.TransferTime = thread.TransferTime;
        record.HostTime = thread.HostTime;
    }

    private void RunHostThread(SimulatedMachine machine, int index)
    {
        for (var stage = 0; stage < SimulatedWorkload.WarmUnits; stage++)
        {
            Meet(machine);
        }

        _workload.RunHostThread(machine, index);
    }

    private void Meet(SimulatedMachine machine) => _controller.Meet(
        _meeting, _options.Vcpus + _workload.HostThreads, () => _flushesBefore = Free(() => machine.Engine?.Core.Flush.CompletedCount ?? 0));

    // The engine's own counters, as a difference.
    private void Count(SimulatedMachine machine, int index, VcpuRecord record, int sign)
    {
        if (machine.Engine is { } engine)
        {
            var statistics = Free(engine.Vcpus[index].GetStatistics);
            record.Faults += sign * (long)statistics.Faults;
            record.Retries += sign * (long)statistics.Retries;
            record.LockWaitNanoseconds += sign * (long)statistics.LockWaitNanoseconds;
        }
    }

    private T Free<T>(Func<T> look)
    {
        _controller.IsCharging = false;
        var seen = look();
        _controller.IsCharging = true;
        return seen;
    }

    private SimulationResult Collect(SimulatedMachine machine)
    {
        var busy = _records.Sum(static record => (double)(record.End - record.Start));
        var seconds = _records.Max(static record => record.End - record.Start) / 1e12;
        var touches = _records.Sum(static record => record.Touches);
        var touchesInAll = (double)_options.MemoryPerVcpu / (PageGeometry.PageSize * machine.PagesPerTouch) * _options.Vcpus;
        return new SimulationResult
        {
            VirtualSeconds = seconds,
            Pages = touches * (long)machine.PagesPerTouch,
            TotalSeconds = _workload.IsFinite ? seconds / touches * touchesInAll : double.NaN,
            Faults = _records.Sum(static record => record.Faults),
            Retries = _records.Sum(static record => record.Retries),
            LockWaitFraction = _records.Sum(static record => record.LockWaitNanoseconds * 1000.0) / busy,
            HostFraction = _records.Sum(static record => (double)record.HostTime) / busy,
            TransferFraction = _records.Sum(static record => (double)record.TransferTime) / busy,
            Transfers = _records.Sum(static record => record.Transfers),
            TlbShootdowns = machine.Engine is { } engine ? (long)(engine.Core.Flush.CompletedCount - _flushesBefore) : 0,
            Fences = _controller.Fences,
            LongestStall = _records.Max(static record => record.LongestStall) / 1000.0,
            MeanInvalidation = 0,
            LongestInvalidation = 0,
            RealSeconds = 0,
            CostlyLines = _controller.Attribution is { } attribution ? FindCostly(attribution) : [],
        };
    }

    private CostlyLine[] FindCostly(LineAttribution attribution) =>
    [
        .. _controller.Lines.Transferred
            .Select(address => (Address: address, State: _controller.Lines.Of(address)))
            .OrderByDescending(static line => line.State.Waited)
            .Take(LinesListed)
            .Select(line => new CostlyLine(
                attribution.HeldBy(line.Address), line.State.Transfers, line.State.Waited / 1e12, attribution.PlacesOf(line.Address))),
    ];
}
