using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests;

/// <content>What each operation of the facade does under control.</content>
internal sealed partial class SeededController
{
    private const int SpinBurst = 256;

    public override ulong Load(nint address, int size, MemoryOrder order)
    {
        var self = Step("load", address, 0);
        return self.Buffer.Load(address, size);
    }

    public override void Store(nint address, int size, ulong value, MemoryOrder order)
    {
        var self = Step("store", address, value);
        if (order == MemoryOrder.SequentiallyConsistent)
        {
            Drain(self);
            RawMemory.Store(address, size, value);
            _memoryVersion++;
            return;
        }

        self.Buffer.Add(address, size, value);
    }

    public override ulong Exchange(nint address, int size, ulong value)
    {
        Locked("exchange", address, value);
        return RawMemory.Exchange(address, size, value);
    }

    public override ulong CompareExchange(nint address, int size, ulong value, ulong comparand)
    {
        Locked("cas", address, value);
        return RawMemory.CompareExchange(address, size, value, comparand);
    }

    public override ulong Add(nint address, int size, ulong value)
    {
        Locked("add", address, value);
        return RawMemory.Add(address, size, value);
    }

    public override ulong And(nint address, int size, ulong value)
    {
        Locked("and", address, value);
        return RawMemory.And(address, size, value);
    }

    public override ulong Or(nint address, int size, ulong value)
    {
        Locked("or", address, value);
        return RawMemory.Or(address, size, value);
    }

    public override void CopyBytes(nint source, nint destination, int length, bool sourceIsShared)
    {
        // Bytes one by one: the strongest disorder that a copy may show.
        for (var index = 0; index < length; index++)
        {
            if (sourceIsShared)
            {
                RawMemory.Store(destination + index, 1, Load(source + index, 1, MemoryOrder.Relaxed));
            }
            else
            {
                Store(destination + index, 1, RawMemory.Load(source + index, 1), MemoryOrder.Relaxed);
            }
        }
    }

    public override void FullFence()
    {
        var self = Step("fence", 0, 0);
        Drain(self);
    }

    public override void ProcessWideFence()
    {
        var self = Step("fence all", 0, 0);
        Drain(self);
        if (!_options.Mutation.HasFlag(Mutation.ProcessWideFenceIsLocal))
        {
            DrainAll();
        }
    }

    public override bool Park(nint address, uint expected, long timeoutNanoseconds)
    {
        // The kernel fences before it compares, and compares and queues in one step.
        var self = Locked("park", address, expected);
        if (_failure is not null)
        {
            // The thread is unwinding; blocking again would hang the run.
            throw new UnwindingException();
        }

        if ((uint)RawMemory.Load(address, sizeof(uint)) != expected)
        {
            return true;
        }

        self.Burst = 0;
        self.State = LogicalThreadState.Parked;
        self.Address = address;
        self.Deadline = timeoutNanoseconds < 0 ? long.MaxValue : _clock + timeoutNanoseconds;
        PassBaton(self);

        // Waking clears the location; a thread that gave up still has it.
        var timedOut = self.Address != 0;
        self.Address = 0;
        self.Deadline = long.MaxValue;
        return !timedOut;
    }

    public override void Wake(nint address, int count)
    {
        Locked("wake", address, (uint)count);
        if (_options.Mutation.HasFlag(Mutation.WakeIsLost))
        {
            return;
        }

        _candidates.Clear();
        _candidates.AddRange(_threads.Where(thread => thread.State == LogicalThreadState.Parked && thread.Address == address));
        for (; count > 0 && _candidates.Count != 0; count--)
        {
            var index = _random.Below(_candidates.Count);
            _candidates[index].State = LogicalThreadState.Ready;
            _candidates[index].Address = 0;
            _candidates.RemoveAt(index);
        }
    }

    /// <remarks>A wait with a limit is explored as one without: none of the protocols relies on giving up.</remarks>
    public override bool AwaitChange(nint address, ulong observed, long timeoutNanoseconds)
    {
        // Nothing orders the waiter's own earlier stores before its look, so they stay buffered.
        var self = Step("await", address, observed);
        while (self.Buffer.Load(address, sizeof(ulong)) == observed)
        {
            if (self.Unwinding)
            {
                throw new UnwindingException();
            }

            self.State = LogicalThreadState.Watching;
            self.Address = address;
            self.Observed = observed;
            PassBaton(self);
        }

        return true;
    }

    public override void SpinHint()
    {
        var self = Step("spin", 0, 0);
        if (!self.Unwinding && self.Burst == 0)
        {
            // Half of the spinners spin to the end of their patience before anybody else moves: those are the ones that park.
            if (_random.Percent(50))
            {
                self.Burst = SpinBurst;
                return;
            }

            self.State = LogicalThreadState.Spinning;
            self.Observed = _memoryVersion;
            PassBaton(self);
        }
    }

    public override long Now() => _clock;

    public override ControlledThread StartThread(string name, Action body)
    {
        var thread = Create(name, body);
        Locked("start", 0, (uint)thread.Id);
        return thread;
    }

    internal bool Join(LogicalThread target, TimeSpan timeout)
    {
        var self = Locked("join", 0, (uint)target.Id);
        if (target.State == LogicalThreadState.Finished)
        {
            return true;
        }

        if (self.Unwinding)
        {
            throw new UnwindingException();
        }

        self.State = LogicalThreadState.Joining;
        self.Joined = target;
        self.Deadline = timeout == Timeout.InfiniteTimeSpan ? long.MaxValue : _clock + (long)timeout.TotalNanoseconds;
        PassBaton(self);
        self.Deadline = long.MaxValue;
        return target.State == LogicalThreadState.Finished;
    }

    // A locked operation: everything before it is visible before it.
    private LogicalThread Locked(string operation, nint address, ulong value)
    {
        var self = Step(operation, address, value);
        Drain(self);
        _memoryVersion++;
        return self;
    }
}
