using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <content>What each operation of the facade does under control.</content>
internal sealed partial class SchedulingController
{
    private const int WordBytes = sizeof(ulong);

    public override ulong Load(nint address, int size, MemoryOrder order)
    {
        if (Crosses(address, size))
        {
            return LoadBytes(address, size, order);
        }

        var self = Enter(address);
        if (self is null)
        {
            return RawMemory.Load(address, size);
        }

        if (!IsShared(self, address, write: false))
        {
            var own = self.Buffer.Load(address, size);
            self.NoteRead(address, size, own);
            return own;
        }

        Announce(self, OperationKind.Load, address, size);
        Decide(self);
        var value = self.Buffer.Load(address, size);
        RecordMemory(self, value, address, size, write: false);
        self.NoteRead(address, size, value);
        return value;
    }

    public override void Store(nint address, int size, ulong value, MemoryOrder order)
    {
        if (Crosses(address, size))
        {
            for (var index = 0; index < size; index++)
            {
                Store(address + index, 1, (value >> (index * 8)) & 0xff, order);
            }

            return;
        }

        var self = Enter(address);
        if (self is null)
        {
            Write(address, size, value);
            return;
        }

        var shared = IsShared(self, address, write: true);
        if (order == MemoryOrder.SequentiallyConsistent && IsBuffered)
        {
            self.Operand = value;
            UpdatePoint(self, OperationKind.FencedStore, address, size, shared);
            Write(address, size, value);
            RecordUpdate(self, value, address, size, shared, write: true);
        }
        else if (!shared && (self.Buffer.IsEmpty || !Arena.IsExcluded(address)))
        {
            // Nobody else looks at it, or it is first in line.
            Write(address, size, value);
        }
        else if (!IsBuffered)
        {
            self.Operand = value;
            Announce(self, OperationKind.Store, address, size);
            Decide(self);
            Write(address, size, value);
            RecordMemory(self, value, address, size, write: true);
        }
        else
        {
            // No step of its own: nobody can tell when a store enters its buffer.
            self.Buffer.Add(address, size, value, self.LastEvent);
            self.StoresAfter.Add(self.Steps);
            _trace?.AddBuffered(this, self, address, size, value);
        }
    }

    public override ulong Exchange(nint address, int size, ulong value) => Update(address, size, value, static (_, operand) => operand).Before;

    public override ulong Add(nint address, int size, ulong value) => Update(address, size, value, static (before, operand) => before + operand).After;

    public override ulong And(nint address, int size, ulong value) => Update(address, size, value, static (before, operand) => before & operand).Before;

    public override ulong Or(nint address, int size, ulong value) => Update(address, size, value, static (before, operand) => before | operand).Before;

    public override ulong CompareExchange(nint address, int size, ulong value, ulong comparand)
    {
        RequireInWord(address, size);
        var self = Enter(address);
        var shared = self is not null && IsShared(self, address, write: true);
        if (self is not null)
        {
            self.Expected = comparand & MaskOf(size);
            self.Operand = value;
            self.Function = null;
            UpdatePoint(self, OperationKind.Update, address, size, shared, isCompare: true);
        }

        var before = RawMemory.Load(address, size);
        var succeeds = before == (comparand & MaskOf(size));
        if (succeeds)
        {
            Write(address, size, value);
        }

        if (self is not null)
        {
            self.NoteRead(address, size, succeeds ? value & MaskOf(size) : before);
            RecordUpdate(self, succeeds ? value : before, address, size, shared, write: succeeds, succeeds ? null : "fails");
        }

        return before;
    }

    public override void CopyBytes(nint source, nint destination, int length, bool sourceIsShared)
    {
        // Word by word: a reader may see any word in either state.
        for (var index = 0; index < length;)
        {
            var shared = sourceIsShared ? source + index : destination + index;
            var size = (shared & 7) == 0 && length - index >= WordBytes ? WordBytes : 1;
            if (sourceIsShared)
            {
                RawMemory.Store(destination + index, size, Load(shared, size, MemoryOrder.Relaxed));
            }
            else
            {
                Store(shared, size, RawMemory.Load(source + index, size), MemoryOrder.Relaxed);
            }

            index += size;
        }
    }

    public override void FullFence()
    {
        if (Enter(0) is { } self && MayWaitForBuffer(self))
        {
            Announce(self, OperationKind.Fence, 0, 0);
            Decide(self);
            Record(self, 0, []);
        }
    }

    /// <remarks>
    /// As membarrier(2) says: every thread passes a fence at some moment between begin and end, each at its own. A fence right at the begin
    /// would leave nothing in the buffer, so what must be in memory at the end is what was buffered at the begin, and later stores need not be.
    /// </remarks>
    public override void ProcessWideFence()
    {
        var self = Enter(0);
        if (self is null || !IsBuffered)
        {
            return;
        }

        Announce(self, OperationKind.ProcessWideFence, 0, 0);
        Decide(self);
        Record(self, 0, []);
        self.Awaited = [.. _threads.Select(thread => ComparesStates ? CountStoresSoFar(thread, self) : CountStoresBefore(thread, self.LastEvent))];
        if (!Array.TrueForAll(self.Awaited, static stores => stores == 0))
        {
            Announce(self, OperationKind.ProcessWideFenceEnd, 0, 0);
            Decide(self);
            Record(self, 0, []);
        }
    }

    // A store was made before a step if its thread took a step behind it that comes before that step: otherwise both can be put off, and the
    // thread fences before it stores.
    private int CountStoresBefore(ScheduledThread thread, int index)
    {
        var steps = Order.CountBefore(index, thread.Id);
        var count = 0;
        while (count < thread.StoresAfter.Count && thread.StoresAfter[count] < steps)
        {
            count++;
        }

        return count;
    }

    private bool AwaitsNoStore(ScheduledThread self)
    {
        for (var index = 0; index < self.Awaited.Length; index++)
        {
            if (_threads[index].Flushes.Count < self.Awaited[index])
            {
                return false;
            }
        }

        return true;
    }

    // The last store of each thread that the end comes after, wherever it reached memory: which stores those are is decided by when they
    // were made, and so is whether the end is a step. That a store reaches memory and that the fence begins thus commute.
    private int ListAwaited(ScheduledThread self)
    {
        var first = _awaited.Count;
        for (var index = 0; index < self.Awaited.Length; index++)
        {
            if (self.Awaited[index] != 0)
            {
                _awaited.Add(_threads[index].Flushes[self.Awaited[index] - 1]);
            }
        }

        return _awaited.Count - first;
    }

    public override int SpinRounds(int rounds) => 0;

    // Time passes only when nothing else can happen: then the earliest wait that has a limit gives up.
    public override long Now()
    {
        if (_current is { } self)
        {
            self.HasReadClock = true;
        }

        return _clock;
    }

    public override nint Allocate(nuint bytes, nuint alignment)
    {
        LiveBytes += (long)bytes;
        AccountPrivate([bytes, alignment]);
        return Arena.Allocate(CurrentThread + 1, bytes, alignment);
    }

    public override void Free(nint address, nuint bytes)
    {
        // A finaliser comes whenever it likes, perhaps from an execution that is over: what it frees is gone anyway.
        if (ReferenceEquals(Atomics.AttachedController, this))
        {
            LiveBytes -= (long)bytes;
            Withdraw(address, bytes, freed: true);
        }
    }

    public override void Quarantine(nint address, nuint bytes)
    {
        Withdraw(address, bytes, freed: false);
        Notify((Address: address, Bytes: bytes), static (observer, what) => observer.Quarantined(what.Address, what.Bytes));
    }

    public override void Readmit(nint address, nuint bytes)
    {
        ChangeRegion(OperationKind.Readmit, address, bytes, "bytes out of quarantine");
        Arena.Readmit(address, bytes);
        Notify((Address: address, Bytes: bytes), static (observer, what) => observer.Readmitted(what.Address, what.Bytes));
    }

    private void Withdraw(nint address, nuint bytes, bool freed)
    {
        if (_isOver)
        {
            // Nobody is left who could use it.
            return;
        }

        ChangeRegion(OperationKind.Withdraw, address, bytes, freed ? "bytes freed" : "bytes in quarantine");
        if (Arena.Forbid(address, bytes, freed, CurrentThread) && _current is not null && _aside == 0)
        {
            // What others did there before in this execution is not known to race with this.
            _hasNewRaces = true;
        }
    }

    // As a write to all of it: whoever uses it races with this.
    private void ChangeRegion(OperationKind kind, nint address, nuint bytes, string detail)
    {
        if (Enter(0) is not { } self)
        {
            return;
        }

        var shared = false;
        for (var word = address & ~7; word < address + (nint)bytes; word += WordBytes)
        {
            shared |= IsShared(self, word, write: true);
        }

        if (shared)
        {
            Announce(self, kind, address, checked((int)bytes));
            Decide(self);
            Record(self, bytes, PendingAccesses(self), detail);
        }
        else
        {
            AccountPrivate([(ulong)kind, (ulong)address, bytes]);
        }
    }

    private ulong LoadBytes(nint address, int size, MemoryOrder order)
    {
        var value = 0UL;
        for (var index = 0; index < size; index++)
        {
            value |= Load(address + index, 1, order) << (index * 8);
        }

        return value;
    }

    private (ulong Before, ulong After) Update(nint address, int size, ulong operand, Func<ulong, ulong, ulong> function)
    {
        RequireInWord(address, size);
        var self = Enter(address);
        var shared = self is not null && IsShared(self, address, write: true);
        if (self is not null)
        {
            self.Operand = operand;
            self.Function = function;
            UpdatePoint(self, OperationKind.Update, address, size, shared);
        }

        var before = RawMemory.Load(address, size);
        var after = function(before, operand) & MaskOf(size);
        Write(address, size, after);
        if (self is not null)
        {
            self.NoteRead(address, size, after);
            RecordUpdate(self, after, address, size, shared, write: true);
        }

        return (before, after);
    }

    // Where states are compared, whether there is a step must not depend on when stores left the buffer.
    private bool MayWaitForBuffer(ScheduledThread self) => ComparesStates ? IsBuffered : !self.Buffer.IsEmpty;

    // A locked operation waits for the thread's own stores, whether or not others can see what it does itself.
    private void UpdatePoint(ScheduledThread self, OperationKind kind, nint address, int size, bool shared, bool isCompare = false)
    {
        if (shared || MayWaitForBuffer(self))
        {
            Announce(self, kind, address, size);
            self.IsCompare = isCompare;
            self.TouchesMemory = shared;
            self.IsPoint = true;
            Decide(self);
        }
        else
        {
            self.IsPoint = false;
        }
    }

    private void RecordUpdate(ScheduledThread self, ulong value, nint address, int size, bool shared, bool write, string? detail = null)
    {
        if (!self.IsPoint)
        {
            return;
        }

        if (shared)
        {
            RecordMemory(self, value, address, size, write, detail);
        }
        else
        {
            Record(self, value, []);
        }
    }

    private void Write(nint address, int size, ulong value)
    {
        if (ComparesStates)
        {
            AccountWrite(address, size, value);
        }

        var before = RawMemory.Load(address, size);
        RawMemory.Store(address, size, value);
        Notify(
            (Address: address, Size: size, Before: before, After: value & MaskOf(size)),
            static (observer, what) => observer.Written(what.Address, what.Size, what.Before, what.After));
        _overwritten = before;
    }

    // What an observer reports is the finding, whatever the program does with the exception.
    private void Notify<T>(T what, Action<IMemoryObserver, T> tell)
    {
        if (_failure is not null)
        {
            return;
        }

        try
        {
            foreach (var observer in _observers)
            {
                tell(observer, what);
            }
        }
        catch (FindingException finding)
        {
            _failure = finding;
            FailedThread ??= _current?.Name;
            throw;
        }
    }

    private bool IsShared(ScheduledThread self, nint address, bool write)
    {
        if (Arena.Contains(address))
        {
            return Arena.Touch(address, self.Id, write, _discovered);
        }

        throw new FindingException(
            $"{self.Name} uses memory at 0x{address:x} that the scheduler does not know: allocate it with NativeBlock or Execution.Allocate while the execution is arranged or runs.");
    }

    private static bool Crosses(nint address, int size) => ((address & 7) + size) > WordBytes;

    private static ulong MaskOf(int size) => size == WordBytes ? ulong.MaxValue : (1UL << (size * 8)) - 1;

    private static void RequireInWord(nint address, int size)
    {
        if (Crosses(address, size))
        {
            throw new NotSupportedException($"A read-modify-write operation on {size} bytes at 0x{address:x} crosses a word.");
        }
    }
}
