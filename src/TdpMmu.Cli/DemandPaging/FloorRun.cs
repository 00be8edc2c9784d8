using TdpMmu.Concurrency;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>One run without any MMU: the same host faults, handlers, threads and placement, and a plain access to each page.</summary>
internal static class FloorRun
{
    private const ulong ProgressMask = 63;

    public static DemandPagingRunReport Execute(
        DemandPagingOptions options, CpuPlacement placement, WorkerRecord[] records, CancellationToken cancellationToken)
    {
        using var guestMemory = new GuestMemory(options, placement);
        using var permits = new RunPermits(placement.CpuCount);
        using var gate = new StartGate(options.Vcpus);
        var failures = new Exception?[options.Vcpus];
        Thread[] threads = [.. Enumerable.Range(0, options.Vcpus).Select(worker => new Thread(() =>
        {
            try
            {
                placement.PinCurrentThread(worker);
                gate.ArriveAndWait();
                Touch(options, guestMemory, permits, records[worker], worker, cancellationToken);
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
            throw first;
        }

        string? fault = RunVerification.FindFault(options, records, guestMemory.CopyPage, cancellationToken);
        return RunReports.Create(options, MmuChoice.None, records, guestMemory) with
        {
            Error = fault ?? guestMemory.HandlerFailure?.Message,
            Verified = fault is null && guestMemory.HandlerFailure is null,
            PageStateBytes = (ulong)guestMemory.Memory.States.Bytes,
        };
    }

    private static void Touch(
        DemandPagingOptions options, GuestMemory guestMemory, RunPermits permits, WorkerRecord record, int worker, CancellationToken cancellationToken)
    {
        (ulong first, ulong count) = options.PagesOf(worker);
        bool isWrite = options.Access == FirstAccess.Write;
        long allocatedBefore = 0;
        permits.Acquire();
        record.StartNanoseconds = Atomics.Now;
        for (ulong done = 0; done < count; done++)
        {
            ulong page = first + done;
            BringIn(options, guestMemory, permits, page, isWrite);
            Access(guestMemory, page, worker, isWrite, options.HasPattern ? PagePattern.FirstWord(page) : 0, record);
            if ((done & ProgressMask) == 0)
            {
                record.PagesTouched = done;
                cancellationToken.ThrowIfCancellationRequested();
                if (done == 0)
                {
                    allocatedBefore = GC.GetAllocatedBytesForCurrentThread();
                }
            }
        }

        record.EndNanoseconds = Atomics.Now;
        record.AllocatedBytes = GC.GetAllocatedBytesForCurrentThread() - allocatedBefore;
        record.PagesTouched = count;
        permits.Release();
    }
}
