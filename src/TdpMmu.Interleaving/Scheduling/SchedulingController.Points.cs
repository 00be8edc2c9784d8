using System.Runtime.InteropServices;

namespace TdpMmu.Interleaving;

/// <content>Scheduling points: who can go on, and what an event touches.</content>
internal sealed partial class SchedulingController
{
    private const int MostAccesses = 24;
    private const long MostAlone = 50_000;

    /// <summary>
    /// The calling thread begins an operation. Null when it is performed at once and unseen: outside of threads, aside, or while unwinding.
    /// </summary>
    private ScheduledThread? Enter(nint address)
    {
        var self = _current;
        if (_aside != 0 || self is null || self.IsUnwinding)
        {
            return null;
        }

        if (_failure is not null)
        {
            self.IsUnwinding = true;
            throw new UnwindingException();
        }

        Operations++;
        if (Operations > _stepLimit)
        {
            throw new FindingException("Livelock: the execution does not end.");
        }

        if (++_alone > MostAlone)
        {
            throw new FindingException($"Livelock: {self.Name} does not come to an end, although nobody disturbs it.");
        }

        RequireAllowed(self, address);
        return self;
    }

    private void RequireAllowed(ScheduledThread self, nint address)
    {
        if (address != 0 && Arena.Contains(address) && Arena.IsForbidden(address))
        {
            // Kept here: the program may catch what it is thrown.
            _failure ??= new FindingException($"{self.Name} uses {Arena.NameOf(address)}, which {Arena.ForbiddenBecause(address)}.");
            throw _failure;
        }
    }

    private static void Announce(ScheduledThread self, OperationKind kind, nint address, int size)
    {
        self.Kind = kind;
        self.Address = address;
        self.Size = size;
        self.TouchesMemory = true;
    }

    private void Record(ScheduledThread self, ulong value, ReadOnlySpan<Access> accesses, string? detail = null)
    {
        var index = _events.Count;
        Append(new StepEvent
        {
            Actor = (byte)self.Id,
            Kind = self.Kind,
            Blocking = self.Kind is OperationKind.Resume or OperationKind.AwaitChange or OperationKind.Spin or OperationKind.Join or OperationKind.ProcessWideFence,
            FamilyEvent = WaitsForBuffer(self.Kind) ? self.LastFlush : -1,
            Address = self.Address,
            Size = self.Size,
            Value = value,
            Detail = detail,
        }, accesses);
        self.LastEvent = index;
        if (_lastThread != self.Id)
        {
            _alone = 0;
            _lastThread = self.Id;
        }

        _onEvent?.Invoke(this);
    }

    private void RecordMemory(ScheduledThread self, ulong value, nint address, int size, bool write, string? detail = null)
    {
        Span<Access> accesses = [Access.Memory(address, size, write), Access.Region(address, write: false)];
        Record(self, value, Arena.IsWithdrawable(address) ? accesses : accesses[..1], detail);
    }

    private void Append(StepEvent step, ReadOnlySpan<Access> accesses)
    {
        step.FirstAccess = _accesses.Count;
        step.AccessCount = accesses.Length;
        _accesses.AddRange(accesses);
        _events.Add(step);
    }

    private void FlushOldest(ScheduledThread thread)
    {
        var entry = thread.Buffer.Oldest;
        if (Arena.IsForbidden(entry.Address) && Arena.ForbidderOf(entry.Address) != thread.Id)
        {
            throw new FindingException($"A store of {thread.Name} reaches {Arena.NameOf(entry.Address)} after it {Arena.ForbiddenBecause(entry.Address)}.");
        }

        thread.Buffer.RemoveOldest();
        Write(entry.Address, entry.Size, entry.Value);
        Span<Access> accesses = stackalloc Access[3];
        var count = FlushAccesses(thread, entry, accesses);
        thread.LastFlush = _events.Count;
        Append(new StepEvent
        {
            Actor = (byte)(ScheduledThread.Most + thread.Id),
            Kind = OperationKind.Flush,
            FamilyEvent = entry.LastEvent,
            Address = entry.Address,
            Size = entry.Size,
            Value = entry.Value,
        }, accesses[..count]);
        _onEvent?.Invoke(this);
    }

    private uint EnabledActors()
    {
        var enabled = 0u;
        foreach (var thread in CollectionsMarshal.AsSpan(_threads))
        {
            if (!thread.IsFinished && CanGoOn(thread))
            {
                enabled |= 1u << thread.Id;
            }

            if (!thread.Buffer.IsEmpty)
            {
                enabled |= 1u << (ScheduledThread.Most + thread.Id);
            }
        }

        return enabled;
    }

    private bool CanGoOn(ScheduledThread thread) => thread.Kind switch
    {
        OperationKind.Resume => thread.IsWoken || thread.IsTimedOut
            || (thread.Deadline != long.MaxValue && thread.Buffer.Load(thread.Address, sizeof(uint)) != thread.Expected),
        OperationKind.AwaitChange => thread.IsTimedOut || thread.Buffer.Load(thread.Address, WordBytes) != thread.Expected,
        OperationKind.Spin => thread.IsTimedOut || thread.SeesChange,
        OperationKind.Join => thread.IsTimedOut || thread.Joined is { IsFinished: true, Buffer.IsEmpty: true },
        OperationKind.Begin => !thread.IsHeldBack,
        OperationKind.ProcessWideFence => _threads.TrueForAll(static other => other.Buffer.IsEmpty),
        var kind => !WaitsForBuffer(kind) || thread.Buffer.IsEmpty,
    };

    private static bool WaitsForBuffer(OperationKind kind) =>
        kind is OperationKind.Update or OperationKind.FencedStore or OperationKind.Fence or OperationKind.ProcessWideFence
            or OperationKind.Park or OperationKind.Wake or OperationKind.Start;

    private int FlushAccesses(ScheduledThread thread, StoreBuffer.Entry entry, Span<Access> into)
    {
        into[0] = Access.Memory(entry.Address, entry.Size, write: true);
        var count = 1;
        if (UsesProcessWideFence)
        {
            into[count++] = Access.Buffer(thread.Id);
        }

        if (Arena.IsWithdrawable(entry.Address))
        {
            into[count++] = Access.Region(entry.Address, write: false);
        }

        return count;
    }

    private int PendingAccesses(ScheduledThread thread, Span<Access> into)
    {
        switch (thread.Kind)
        {
            case OperationKind.Begin or OperationKind.End:
                into[0] = Access.Life(thread.Id);
                return 1;
            case OperationKind.Start or OperationKind.Join:
                into[0] = Access.Life(thread.Joined!.Id);
                return 1;
            case OperationKind.Fence:
                return 0;
            case OperationKind.ProcessWideFence:
                for (var index = 0; index < _threads.Count; index++)
                {
                    into[index] = Access.Buffer(index);
                }

                return _threads.Count;
            case OperationKind.Spin:
                var reads = thread.Reads;
                for (var index = 0; index < reads.Length; index++)
                {
                    into[index] = Access.Memory(reads[index].Address, reads[index].Size, write: false);
                }

                return reads.Length;
            case OperationKind.Store when IsBuffered:
                into[0] = Access.Buffer(thread.Id);
                return 1;
            case OperationKind.Load or OperationKind.AwaitChange:
                return MemoryAccesses(thread, write: false, into);
            case OperationKind.Withdraw:
                var count = 0;
                for (var region = thread.Address & ~(Access.RegionBytes - 1); region < thread.Address + thread.Size && count < into.Length; region += Access.RegionBytes)
                {
                    into[count++] = Access.Region(region, write: true);
                }

                return count;
            case OperationKind.Park or OperationKind.Resume or OperationKind.Wake when thread.TouchesMemory:
                into[0] = Access.Queue(thread.Address);
                into[1] = Access.Memory(thread.Address, thread.Size, write: false);
                return 2;
            default:
                return thread.TouchesMemory ? MemoryAccesses(thread, write: true, into) : 0;
        }
    }

    private int MemoryAccesses(ScheduledThread thread, bool write, Span<Access> into)
    {
        into[0] = Access.Memory(thread.Address, thread.Size, write);
        into[1] = Access.Region(thread.Address, write: false);
        return Arena.IsWithdrawable(thread.Address) ? 2 : 1;
    }
}
