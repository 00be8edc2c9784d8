using TdpMmu.Concurrency;
using TdpMmu.Linux;
using TdpMmu.Machine;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>One run without any MMU: the same host faults, handlers, threads and placement, and a plain access to each page.</summary>
/// <remarks>Run permits keep as many threads running as a virtual machine would, so that the difference is the MMU and nothing else.</remarks>
internal sealed class FloorRun
{
    private const ulong ProgressMask = 63;

    private readonly DemandPagingOptions _options;
    private readonly GuestMemory _guestMemory;
    private readonly RunPermits _permits;
    private readonly FloorLatencies _latencies;
    private readonly int _timingInterval;
    private readonly CancellationToken _cancellationToken;

    private FloorRun(DemandPagingOptions options, GuestMemory guestMemory, RunPermits permits, FloorLatencies latencies, CancellationToken cancellationToken)
    {
        _options = options;
        _guestMemory = guestMemory;
        _permits = permits;
        _latencies = latencies;
        _timingInterval = RunReports.TimingIntervalOf(options.Source);
        _cancellationToken = cancellationToken;
    }

    public static DemandPagingRunReport Execute(
        DemandPagingOptions options, CpuPlacement placement, WorkerRecord[] records, CancellationToken cancellationToken)
    {
        using var guestMemory = new GuestMemory(options, placement);
        using var participants = new ParticipantTable(options.Vcpus, hostLanes: 1);
        using var permits = new RunPermits(participants, Math.Min(options.Vcpus, placement.CpuCount));
        using var latencies = new FloorLatencies(options.Vcpus);
        using var gate = new StartGate(options.Vcpus);
        permits.Start();
        var run = new FloorRun(options, guestMemory, permits, latencies, cancellationToken);
        var failures = new Exception?[options.Vcpus];
        Thread[] threads = [.. Enumerable.Range(0, options.Vcpus).Select(worker => new Thread(() =>
        {
            try
            {
                placement.PinCurrentThread(worker);
                gate.ArriveAndWait();
                run.Touch(worker, records[worker]);
            }
            catch (Exception exception)
            {
                failures[worker] = exception;
            }
        })
        { Name = "floor " + worker })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        gate.ReleaseWhenAllArrived();
        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        cancellationToken.ThrowIfCancellationRequested();
        if (failures.FirstOrDefault(failure => failure is not null) is { } first)
        {
            throw first as TdpMmuException ?? new TdpMmuException("A thread of the run failed: " + first.Message, first);
        }

        string? fault = RunVerification.FindFault(options, records, guestMemory.CopyPage, cancellationToken);
        return RunReports.Create(options, MmuChoice.None, records, guestMemory) with
        {
            Error = fault ?? guestMemory.HandlerFailure?.Message,
            Verified = fault is null && guestMemory.HandlerFailure is null,
            FaultLatency = RunReports.HistogramOf(latencies.Sum()),
            PageStateBytes = (ulong)guestMemory.Memory.States.Bytes,
        };
    }

    private void Touch(int worker, WorkerRecord record)
    {
        (ulong first, ulong count) = _options.PagesOf(worker);
        bool isWrite = _options.Access == FirstAccess.Write;
        bool hasPattern = _options.HasPattern;
        long allocatedBefore = 0;
        _permits.Acquire(worker);
        try
        {
            record.StartNanoseconds = Atomics.Now;
            for (ulong done = 0; done < count; done++)
            {
                ulong page = first + done;
                _permits.YieldIfAsked(worker);
                BringInTimed(page, worker, isWrite, done);
                if (isWrite)
                {
                    _guestMemory.StoreWord(page, PagePattern.GuestWordOffset, PagePattern.GuestWord(page, worker));
                }

                if (_guestMemory.LoadWord(page, 0) != (hasPattern ? PagePattern.FirstWord(page) : 0))
                {
                    record.FirstMismatch ??= page;
                }

                if ((done & ProgressMask) == 0)
                {
                    record.PagesTouched = done;
                    _cancellationToken.ThrowIfCancellationRequested();
                    if (done == 0)
                    {
                        // The first page pays what each thread's first use of code allocates once.
                        allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
                    }
                }
            }

            record.EndNanoseconds = Atomics.Now;
            record.AllocatedBytes = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
            record.PagesTouched = count;
        }
        finally
        {
            _permits.Release(worker);
        }
    }

    /// <summary>Takes the times that an MMU takes, so that both sides pay for them.</summary>
    private void BringInTimed(ulong page, int worker, bool isWrite, ulong done)
    {
        if (_guestMemory.Memory.States.IsPresent(page))
        {
            return;
        }

        if (done % (ulong)_timingInterval != 0)
        {
            BringIn(page, worker, isWrite);
            return;
        }

        long start = Atomics.Now;
        BringIn(page, worker, isWrite);
        _latencies.Record(worker, Atomics.Now - start);
    }

    /// <summary>Returns when the page is there, having done what an MMU has the host do for it.</summary>
    private void BringIn(ulong page, int worker, bool isWrite)
    {
        MappedMemory memory = _guestMemory.Memory;
        _permits.BeginBlocking(worker);
        try
        {
            while (!memory.States.IsPresent(page))
            {
                if (_options.UsesUserfaultfd)
                {
                    // The handler marks the page present before it wakes this thread.
                    memory.Populate(page * PageGeometry.PageSize, PageGeometry.PageSize, isWrite);
                    if (memory.States.Get(page) == PageState.Poisoned)
                    {
                        throw new TdpMmuException($"Page {page} could not be delivered.");
                    }
                }
                else if (_options.Source == HostPageSource.Exit)
                {
                    HostFill.FromSource(memory, page, _cancellationToken);
                }
                else
                {
                    HostFill.FromHost(memory, page);
                }
            }
        }
        finally
        {
            _permits.EndBlocking(worker);
        }
    }
}
