using TdpMmu.Concurrency;
using TdpMmu.Slots;

namespace TdpMmu.Machine;

/// <summary>
/// Brings a missing page in on the faulting thread: from a source, from the host kernel, or by waiting for a userfaultfd handler.
/// Runs outside windows and sections with the slot announced as referenced, which is all that it holds.
/// </summary>
internal sealed unsafe class PageBringer
{
    private const int UserfaultAttempts = 64;

    private readonly MachineCore _core;

    internal PageBringer(MachineCore core) => _core = core;

    /// <summary>Brings the page in, or waits for whoever does, and gives the reference back.</summary>
    /// <returns>Null when the fault should look again, or its outcome.</returns>
    /// <exception cref="HostMemoryException">The host refused and the slot is still there.</exception>
    internal FaultOutcome? BringIn(int participant, Gfn frame, GuestAccess access, SlotRecord* record)
    {
        var start = Atomics.Now;
        BeginWait(participant);
        try
        {
            // SAFETY: the reference was announced inside the section that found the record; deletion waits for it.
            var page = record->PageOf(frame);
            var memory = _core.Slots.SlotOf(record).Memory;
            try
            {
                switch (memory.Filling)
                {
                    case PageFilling.FaultingThread:
                        return HostFill.FromSource(memory, page, _core.Stopping) ? null : FaultOutcome.Retry;
                    case PageFilling.Userfault:
                        return AwaitHandler(memory, page, access, record);
                    default:
                        return HostFill.FromHost(memory, page) ? null : FaultOutcome.Retry;
                }
            }
            catch (HostMemoryException) when ((SlotRecord.LoadFlags(record) & SlotFlags.Deleting) != SlotFlags.None)
            {
                // The slot is going away, and its memory perhaps with it: the fault looks again and finds out.
                return FaultOutcome.Retry;
            }
        }
        finally
        {
            // The release keeps every use of the record before the store that lets a deleter free it.
            Atomics.StoreRelease(_core.Participants.Reference(participant), 0);
            _core.Counters.Of(participant)->HostWaitNanoseconds += (ulong)(Atomics.Now - start);
            EndWait(participant);
        }
    }

    /// <summary>Waits for an invalidation or a deletion.</summary>
    internal void Await(int participant, FaultWait wait)
    {
        var start = Atomics.Now;
        BeginWait(participant);
        wait.Await(_core);
        EndWait(participant);
        _core.Counters.Of(participant)->InvalidationWaitNanoseconds += (ulong)(Atomics.Now - start);
    }

    /// <summary>Announces that the vCPU may block; host participants have no permit to give up.</summary>
    private void BeginWait(int participant)
    {
        if (participant < _core.Participants.VcpuCount)
        {
            _core.Permits.BeginBlocking(participant);
        }
    }

    /// <summary>Ends what <see cref="BeginWait"/> began.</summary>
    private void EndWait(int participant)
    {
        if (participant < _core.Participants.VcpuCount)
        {
            _core.Permits.EndBlocking(participant);
        }
    }

    // The handler marks the page present before it wakes the thread that waits in the kernel. So a page that the host says is there
    // and that nobody has claimed was left behind by a discard that a copy overtook, or put there behind the machine's back: it is
    // dropped and asked for again.
    private FaultOutcome? AwaitHandler(HostMemory memory, ulong page, GuestAccess access, SlotRecord* record)
    {
        var states = memory.States;
        for (var attempt = 0; attempt < UserfaultAttempts; attempt++)
        {
            if ((SlotRecord.LoadFlags(record) & SlotFlags.Deleting) != SlotFlags.None)
            {
                return FaultOutcome.Retry;
            }

            switch (states.Request(page))
            {
                case PageState.Present:
                case PageState.Poisoned:
                    return null;
                case PageState.InFlight or PageState.Cancelled:
                    states.WaitWhileInFlight(page, HostFill.WaitNanoseconds);
                    return FaultOutcome.Retry;
                default:
                    break;
            }

            var offset = page * PageGeometry.PageSize;
            try
            {
                memory.Populate(offset, PageGeometry.PageSize, (access & GuestAccess.Write) != GuestAccess.None);
            }
            catch (HostMemoryException) when (states.Get(page) == PageState.Poisoned)
            {
                // The host reports the poison in its own words; the state is what the guest is told.
                return null;
            }

            if (states.Get(page) is PageState.Missing or PageState.Requested && states.TryClaim(page))
            {
                memory.Discard(offset, PageGeometry.PageSize);
                states.Abandon(page);
            }
        }

        // What the host did behind the machine's back cannot be undone, and the guest may have seen it.
        var reason = $"Page {page} of the memory at {memory.BaseAddress} is resident in the host but was not delivered by its userfaultfd handler: "
            + "something else changed the memory, or the handler's descriptor was closed.";
        _core.Break(reason);
        throw new HostMemoryException(reason);
    }
}
