using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <content>Scheduling points: who can go on, and what an event touches.</content>
internal sealed partial class SchedulingController
{
    private const long MostAlone = 50_000;

    private Access[] _pending = new Access[64];

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
        if (IsRefused(address))
        {
            FailedThread ??= self.Name;

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
        self.IsCompare = false;
    }

    private void Record(ScheduledThread self, ulong value, ReadOnlySpan<Access> accesses, string? detail = null)
    {
        var index = _events.Count;
        Append(new StepEvent
        {
            Actor = (byte)self.Id,
            Kind = self.Kind,
            Blocking = self.Kind is OperationKind.Resume or OperationKind.AwaitChange or OperationKind.Spin or OperationKind.Join,
            FamilyEvent = EventBefore(self),
            TimesOut = self.IsTimedOut,
            FirstAwaited = _awaited.Count,
            AwaitedCount = self.Kind == OperationKind.ProcessWideFenceEnd ? ListAwaited(self) : 0,
            Address = self.Address,
            Size = self.Size,
            Value = value,
            Detail = detail,
        }, accesses);
        self.LastEvent = index;
        self.Steps++;
        if (_lastThread != self.Id)
        {
            _alone = 0;
            _lastThread = self.Id;
        }

        _trace?.AddStep(this);
    }

    private void RecordMemory(ScheduledThread self, ulong value, nint address, int size, bool write, string? detail = null) =>
        Record(self, value, write && self.Kind != OperationKind.Update ? StoredAccesses(address, size) : MemoryAccesses(address, size, write), detail);

    // What an operation waited for besides what it touches.
    private static int EventBefore(ScheduledThread self) =>
        WaitsForBuffer(self.Kind) ? self.LastFlush
        : self.Kind == OperationKind.Join ? self.Joined!.LastFlush
        : self is { Kind: OperationKind.Resume, IsWoken: true, HasLimit: false } ? self.WokenBy
        : -1;

    private void Append(StepEvent step, ReadOnlySpan<Access> accesses)
    {
        step.FirstAccess = _accesses.Count;
        step.AccessCount = accesses.Length;
        _accesses.AddRange(accesses);
        _events.Add(step);
        if (!ComparesStates)
        {
            Order.Add(this);
        }
    }

    private bool IsRefused(ScheduledThread thread, StoreBuffer.Entry store) =>
        Arena.IsForbidden(store.Address) && Arena.ForbidderOf(store.Address) != thread.Id;

    // Whether the step that a thread has announced uses what must not be used. A wake-up uses the address as a name only.
    private bool IsRefused(ScheduledThread thread) =>
        thread.Kind is not (OperationKind.Wake or OperationKind.Withdraw or OperationKind.Readmit) && IsRefused(thread.Address);

    private bool IsRefused(nint address) => address != 0 && Arena.Contains(address) && Arena.IsForbidden(address);

    private void FlushOldest(ScheduledThread thread)
    {
        var entry = thread.Buffer.Oldest;
        if (IsRefused(thread, entry))
        {
            FailedThread = thread.Name;
            throw new FindingException($"A store of {thread.Name} reaches {Arena.NameOf(entry.Address)} after it {Arena.ForbiddenBecause(entry.Address)}.");
        }

        thread.Buffer.RemoveOldest();
        Write(entry.Address, entry.Size, entry.Value);
        var accesses = StoredAccesses(entry.Address, entry.Size);
        thread.Flushes.Add(_events.Count);
        Append(new StepEvent
        {
            Actor = (byte)(ScheduledThread.Most + thread.Id),
            Kind = OperationKind.Flush,
            FamilyEvent = entry.LastEvent,
            Address = entry.Address,
            Size = entry.Size,
            Value = entry.Value,
        }, accesses);
        _trace?.AddStep(this);
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
        OperationKind.ProcessWideFenceEnd => AwaitsNoStore(thread),
        var kind => !WaitsForBuffer(kind) || thread.Buffer.IsEmpty,
    };

    // Whether the thread that went last only waits for store buffers.
    private bool IsDraining() => _lastThread >= 0 && _threads[_lastThread] is { IsFinished: false } thread
        && (WaitsForBuffer(thread.Kind) || thread.Kind == OperationKind.ProcessWideFenceEnd || thread is { Kind: OperationKind.Join, Joined.IsFinished: true });

    private static bool WaitsForBuffer(OperationKind kind) =>
        kind is OperationKind.Update or OperationKind.FencedStore or OperationKind.Fence or OperationKind.ProcessWideFence
            or OperationKind.Park or OperationKind.Wake or OperationKind.Start;

    private ReadOnlySpan<Access> FlushAccesses(StoreBuffer.Entry entry) => StoreAccesses(entry.Address, entry.Size, entry.Value);

    // Of a store that is still to be made.
    private ReadOnlySpan<Access> StoreAccesses(nint address, int size, ulong value) => size == WordBytes
        ? MemoryAccesses(Access.Change(address, RawMemory.Load(address, WordBytes), value), address, write: true)
        : MemoryAccesses(address, size, write: true);

    // Of the store that was made last.
    private ReadOnlySpan<Access> StoredAccesses(nint address, int size) => size == WordBytes
        ? MemoryAccesses(Access.Change(address, _overwritten, RawMemory.Load(address, WordBytes)), address, write: true)
        : MemoryAccesses(address, size, write: true);

    // Valid until the next call.
    private ReadOnlySpan<Access> PendingAccesses(ScheduledThread thread)
    {
        switch (thread.Kind)
        {
            case OperationKind.Begin or OperationKind.End:
                return Single(Access.Life(thread.Id));
            case OperationKind.Start or OperationKind.Join:
                return Single(Access.Life(thread.Joined!.Id));
            case OperationKind.Fence or OperationKind.ProcessWideFence or OperationKind.ProcessWideFenceEnd:
                return [];
            case OperationKind.Spin:
                var reads = thread.Reads;
                for (var index = 0; index < reads.Length; index++)
                {
                    _pending[index] = Access.Memory(reads[index].Address, reads[index].Size, AccessKind.Read);
                }

                return _pending.AsSpan(0, reads.Length);
            case OperationKind.AwaitChange when thread is { HasLimit: false, IsWaitOnOthers: true }:
                return MemoryAccesses(Access.Await(thread.Address, thread.Expected), thread.Address, write: false);
            case OperationKind.Load or OperationKind.AwaitChange:
                return MemoryAccesses(thread, write: false);
            case OperationKind.Note:
                return Single(Access.Memory(thread.Address, WordBytes, AccessKind.Note));
            case OperationKind.Withdraw or OperationKind.Readmit:
                return RegionAccesses(thread);
            case OperationKind.Wake:
                return thread.TouchesMemory ? Single(Access.Queue(thread.Address, OldestParked(thread.Address) is null ? AccessKind.Read : AccessKind.Write)) : [];
            case OperationKind.Resume when !thread.HasLimit:
                // It comes after the one that woke it, and nothing else matters to it but that it may use the word.
                return Arena.IsWithdrawable(thread.Address) ? Single(Access.Region(thread.Address, AccessKind.Read)) : [];
            case OperationKind.Park or OperationKind.Resume when thread.TouchesMemory:
                var memory = MemoryAccesses(thread, write: false).Length;
                _pending[memory] = Access.Queue(thread.Address, AccessKind.Write);
                return _pending.AsSpan(0, memory + 1);
            default:
                return thread.TouchesMemory
                    ? MemoryAccesses(thread, !thread.IsCompare || RawMemory.Load(thread.Address, thread.Size) == thread.Expected)
                    : [];
        }
    }

    private ReadOnlySpan<Access> MemoryAccesses(ScheduledThread thread, bool write) => MemoryAccesses(thread.Address, thread.Size, write);

    private ReadOnlySpan<Access> MemoryAccesses(nint address, int size, bool write) =>
        MemoryAccesses(Access.Memory(address, size, write ? AccessKind.Write : AccessKind.Read), address, write);

    private ReadOnlySpan<Access> MemoryAccesses(Access access, nint address, bool write)
    {
        _pending[0] = access;
        var count = 1;
        if (Arena.IsWithdrawable(address))
        {
            _pending[count++] = Access.Region(address, AccessKind.Read);
        }

        if (write && _watched.TryGetValue(address & ~7, out var word))
        {
            _pending[count++] = Access.Memory(word, WordBytes, AccessKind.Read);
        }

        return _pending.AsSpan(0, count);
    }

    private ReadOnlySpan<Access> RegionAccesses(ScheduledThread thread)
    {
        var count = 0;
        for (var region = thread.Address & ~(Access.RegionBytes - 1); region < thread.Address + thread.Size; region += Access.RegionBytes)
        {
            if (count == _pending.Length)
            {
                Array.Resize(ref _pending, 2 * count);
            }

            _pending[count++] = Access.Region(region, AccessKind.Write);
        }

        return _pending.AsSpan(0, count);
    }

    private ReadOnlySpan<Access> Single(Access access)
    {
        _pending[0] = access;
        return _pending.AsSpan(0, 1);
    }
}
