using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <content>Waiting: a thread that waits for a value is blocked until the value is there, and not explored spinning.</content>
internal sealed partial class SchedulingController
{
    private const long FirstSpinPatience = 1_000;

    private long _parked;

    /// <remarks>
    /// Parked threads wake in the order in which they parked. One with a limit may also go on once the word has changed, as if its limit
    /// had come at that moment.
    /// </remarks>
    public override bool Park(nint address, uint expected, long timeoutNanoseconds)
    {
        var self = EnterWait(address);
        if (self is null)
        {
            return RequireNoWait((uint)RawMemory.Load(address, sizeof(uint)) != expected);
        }

        var shared = IsShared(self, address, write: false);
        self.Expected = expected;
        UpdatePoint(self, OperationKind.Park, address, sizeof(uint), shared);

        // The kernel fences before it compares, and compares and queues in one step.
        var value = (uint)RawMemory.Load(address, sizeof(uint));
        if (self.IsPoint)
        {
            Record(self, value, PendingAccesses(self));
        }

        if (value != expected)
        {
            return true;
        }

        self.ParkNumber = ++_parked;
        self.IsWoken = false;
        Wait(self, OperationKind.Resume, address, sizeof(uint), expected, timeoutNanoseconds);
        Record(self, 0, PendingAccesses(self), self.IsTimedOut ? "times out" : null);
        return EndWait(self);
    }

    public override void Wake(nint address, int count)
    {
        var self = Enter(0);
        if (self is null)
        {
            return;
        }

        // As a write to the word: who wakes and who parks share it.
        var shared = IsShared(self, address, write: true);
        self.Operand = (ulong)count;
        UpdatePoint(self, OperationKind.Wake, address, sizeof(uint), shared);
        var accesses = self.IsPoint ? PendingAccesses(self) : [];
        var woken = 0;
        while (woken < count && OldestParked(address) is { } thread)
        {
            thread.IsWoken = true;
            thread.WokenBy = self.IsPoint ? _events.Count : self.LastEvent;
            woken++;
        }

        if (self.IsPoint)
        {
            Record(self, (ulong)woken, accesses);
        }
    }

    public override bool AwaitChange(nint address, ulong observed, long timeoutNanoseconds)
    {
        var self = EnterWait(address);
        if (self is null)
        {
            return RequireNoWait(RawMemory.Load(address, WordBytes) != observed);
        }

        // Nothing orders the waiter's own earlier stores before its look, so they stay in its buffer.
        if (!IsShared(self, address, write: false) && self.Buffer.Load(address, WordBytes) != observed)
        {
            return true;
        }

        self.IsWaitOnOthers = !Arena.IsWrittenBy(address, self.Id);
        Wait(self, OperationKind.AwaitChange, address, WordBytes, observed, timeoutNanoseconds);
        Record(self, self.Buffer.Load(address, WordBytes), PendingAccesses(self), self.IsTimedOut ? "times out" : null);
        return EndWait(self);
    }

    public override void SpinHint()
    {
        if (EnterWait(0) is not { } self)
        {
            RequireNoWait(false);
            return;
        }

        // A loop that looks at the clock ends when time passes, which it does when nothing else can happen: faster and faster.
        Wait(self, OperationKind.Spin, 0, 0, 0, self.HasReadClock ? self.SpinPatience : -1);
        self.SpinPatience = self.IsTimedOut ? 2 * self.SpinPatience : FirstSpinPatience;
        self.HasReadClock = false;
        Record(self, 0, PendingAccesses(self), self.IsTimedOut ? "time passes" : null);
        self.IsTimedOut = false;
        self.ForgetReads();
    }

    public override ControlledThread StartThread(string name, Action body)
    {
        if (ComparesStates && _current is not null && (_starter ??= _current) != _current)
        {
            throw new InvalidOperationException("Where states are compared, one thread starts the others: their numbers would depend on who comes first.");
        }

        var thread = Create(name, body);
        if (Enter(0) is { } self)
        {
            // The kernel's work between the two threads is more than a fence.
            Announce(self, OperationKind.Start, 0, 0);
            self.Joined = thread;
            thread.IsHeldBack = true;
            Decide(self);
            thread.IsHeldBack = false;
            Record(self, (ulong)thread.Id, [Access.Life(thread.Id)], name);
            AccountPrivate([(ulong)OperationKind.Start, (ulong)thread.Id]);
        }

        return thread;
    }

    internal bool Join(ScheduledThread target, TimeSpan timeout)
    {
        if (EnterWait(0) is not { } self)
        {
            return RequireNoWait(target.IsFinished);
        }

        self.Joined = target;
        Wait(self, OperationKind.Join, 0, 0, 0, timeout == Timeout.InfiniteTimeSpan ? -1 : (long)timeout.TotalNanoseconds);
        Record(self, (ulong)target.Id, [Access.Life(target.Id)], self.IsTimedOut ? "times out" : target.Name);
        return EndWait(self);
    }

    private void Wait(ScheduledThread self, OperationKind kind, nint address, int size, ulong expected, long timeoutNanoseconds)
    {
        Announce(self, kind, address, size);
        self.Expected = expected;
        self.HasLimit = timeoutNanoseconds >= 0;
        self.Deadline = self.HasLimit ? _clock + timeoutNanoseconds : long.MaxValue;
        self.IsTimedOut = false;
        _trace?.BeginWait(self);
        Decide(self);
        self.Deadline = long.MaxValue;
    }

    private static bool EndWait(ScheduledThread self)
    {
        var isOver = !self.IsTimedOut;
        self.IsTimedOut = false;
        return isOver;
    }

    // A thread that unwinds must not block again: nobody would wake it.
    private ScheduledThread? EnterWait(nint address)
    {
        var self = Enter(address);
        return self is null && _current is { IsUnwinding: true } ? throw new UnwindingException() : self;
    }

    private static bool RequireNoWait(bool over) =>
        over ? true : throw new FindingException("An operation that runs alone, before or after the threads, waits for another thread.");

    private ScheduledThread? OldestParked(nint address)
    {
        ScheduledThread? oldest = null;
        foreach (var thread in _threads)
        {
            if (IsParked(thread) && thread.Address == address && (oldest is null || thread.ParkNumber < oldest.ParkNumber))
            {
                oldest = thread;
            }
        }

        return oldest;
    }

    private static bool IsParked(ScheduledThread thread) =>
        thread is { Kind: OperationKind.Resume, IsWoken: false, IsTimedOut: false, IsFinished: false };

    // Nobody can go on: the earliest wait that has a limit gives up.
    private void AdvanceTime()
    {
        ScheduledThread? earliest = null;
        foreach (var thread in _threads)
        {
            if (!thread.IsFinished && thread.Deadline != long.MaxValue && (earliest is null || thread.Deadline < earliest.Deadline))
            {
                earliest = thread;
            }
        }

        if (earliest is null)
        {
            var waiting = string.Join("; ", _threads.Where(static thread => !thread.IsFinished).Select(DescribeWait));
            IsDeadlock = true;
            _trace?.AddDeadlock(this);
            throw new FindingException($"Deadlock: {waiting}.");
        }

        _clock = Math.Max(_clock, earliest.Deadline);
        earliest.IsTimedOut = true;
    }

    private string DescribeWait(ScheduledThread thread) => thread.Kind switch
    {
        OperationKind.Resume => $"{thread.Name} is parked on {Arena.NameOf(thread.Address)}, which holds 0x{RawMemory.Load(thread.Address, sizeof(uint)):x}",
        OperationKind.AwaitChange => $"{thread.Name} waits for {Arena.NameOf(thread.Address)} to change from 0x{thread.Expected:x}",
        OperationKind.Join => $"{thread.Name} waits for {thread.Joined!.Name} to end",
        OperationKind.Spin => $"{thread.Name} spins on what does not change",
        _ => $"{thread.Name} is at a {thread.Kind}",
    };
}
