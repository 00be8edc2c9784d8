using TdpMmu.Concurrency;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>The guest: touches each of its pages once, in ascending order, and checks what it sees there.</summary>
internal sealed class GuestTouchProgram(DemandPagingOptions options, Gpa baseAddress, WorkerRecord[] records)
{
    /// <summary>How often progress is told: seldom enough to cost nothing, often enough to be watched.</summary>
    private const ulong ProgressMask = 63;

    public void Run(Vcpu vcpu)
    {
        WorkerRecord record = records[vcpu.Index];
        (ulong first, ulong count) = options.PagesOf(vcpu.Index);
        bool isWrite = options.Access == FirstAccess.Write;
        bool hasPattern = options.HasPattern;
        long allocatedBefore = 0;
        record.StartNanoseconds = Atomics.Now;
        for (ulong done = 0; done < count; done++)
        {
            ulong page = first + done;
            var address = new Gpa(baseAddress.Value + (page * PageGeometry.PageSize));
            if (isWrite)
            {
                // The store comes first, so that the page's fault is a write fault; it leaves the first word as it came in.
                vcpu.Store(new Gpa(address.Value + PagePattern.GuestWordOffset), PagePattern.GuestWord(page, vcpu.Index));
            }

            ulong expected = hasPattern ? PagePattern.FirstWord(page) : 0;
            if (vcpu.Load<ulong>(address) != expected)
            {
                record.FirstMismatch ??= page;
            }

            if ((done & ProgressMask) == 0)
            {
                record.PagesTouched = done;
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
}
