using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests;

/// <summary>
/// Runs a program's threads one at a time and decides at every shared-memory operation who goes next, from a seed alone.
/// Memory behaves as x86 allows: plain stores wait in a buffer per thread.
/// </summary>
/// <remarks>One controller makes one run. Everything but <see cref="Run"/> is called by the thread that holds the baton.</remarks>
internal sealed partial class SeededController : AtomicsController
{
    private static readonly int[] s_stayPercents = [30, 70, 90];
    private static readonly int[] s_drainPercents = [2, 15, 60];

    private readonly SeededOptions _options;
    private readonly SeededRandom _random;
    private readonly int _stayPercent;
    private readonly int _drainPercent;
    private readonly List<LogicalThread> _threads = [];
    private readonly List<LogicalThread> _candidates = [];
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Trace _trace = new();
    private LogicalThread? _current;
    private Exception? _failure;
    private long _clock;
    private ulong _memoryVersion;

    internal SeededController(ulong seed, SeededOptions options)
    {
        _options = options;
        _random = new SeededRandom(seed);

        // Long undisturbed stretches and late stores find other bugs than frequent switches do.
        _stayPercent = s_stayPercents[_random.Below(s_stayPercents.Length)];
        _drainPercent = s_drainPercents[_random.Below(s_drainPercents.Length)];
    }

    /// <summary>A hash of every step of the run.</summary>
    internal ulong TraceHash => _trace.Hash;

    internal long Steps => _trace.Steps;

    /// <summary>Runs the bodies to their end.</summary>
    /// <exception cref="InterleavingFailureException">A body threw, all threads block, or the run does not end.</exception>
    internal void Run(params Action[] bodies)
    {
        for (var index = 0; index < bodies.Length; index++)
        {
            _ = Create($"thread {index}", bodies[index]);
        }

        SwitchTo(Choose(null));
        _ended.Task.Wait(TestContext.Current.CancellationToken);
        foreach (var thread in _threads)
        {
            WorkerPool.Return(thread.Worker);
        }

        if (_failure is not null)
        {
            throw new InterleavingFailureException($"{_failure.Message}\n{_trace}", _failure);
        }
    }

    private LogicalThread Create(string name, Action body)
    {
        var worker = WorkerPool.Rent();
        var thread = new LogicalThread(this, _threads.Count, name, body, worker);
        worker.Assign(() => Execute(thread));
        _threads.Add(thread);
        return thread;
    }

    private void Execute(LogicalThread thread)
    {
        try
        {
            if (_failure is null)
            {
                RunAttached(thread.Body);
                _ = Step("end", 0, 0);
            }
        }
        catch (UnwindingException)
        {
            // The failure that caused it is kept.
        }
#pragma warning disable CA1031 // What a body throws is the result of the run.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure ??= exception;
        }

        // What a thread has stored is visible to whoever joins it.
        thread.State = LogicalThreadState.Finished;
        Drain(thread);
        SwitchTo(Choose(null));
    }

    // Lets the store buffers and the clock move, and then another thread run, before the caller performs its operation.
    private LogicalThread Step(string operation, nint address, ulong value)
    {
        var self = _current!;
        if (_failure is not null)
        {
            Unwind(self);
            return self;
        }

        _trace.Add(self, operation, address, value);
        if (_trace.Steps > _options.StepLimit)
        {
            _failure = new InterleavingFailureException($"The run does not end within {_options.StepLimit} operations.");
            Unwind(self);
        }

        _clock += _options.NanosecondsPerOperation;
        DrainSome();
        if (self.Burst > 0)
        {
            self.Burst--;
        }
        else if (!_random.Percent(_stayPercent))
        {
            PassBaton(self);
        }

        return self;
    }

    // Returns when the caller may go on, which is at once if it is chosen itself.
    private void PassBaton(LogicalThread self)
    {
        var next = Choose(self);
        if (next != self)
        {
            SwitchTo(next);
            self.Worker.WaitForBaton();
        }

        self.State = LogicalThreadState.Ready;
        if (_failure is not null)
        {
            Unwind(self);
        }
    }

    // The second time, the thread is already unwinding and runs its finally blocks.
    private static void Unwind(LogicalThread self)
    {
        if (!self.Unwinding)
        {
            self.Unwinding = true;
            throw new UnwindingException();
        }
    }

    private void SwitchTo(LogicalThread? next)
    {
        _current = next;
        if (next is null)
        {
            _ended.SetResult();
            return;
        }

        next.Worker.Resume();
    }

    private LogicalThread? Choose(LogicalThread? self)
    {
        while (true)
        {
            _candidates.Clear();
            foreach (var thread in _threads)
            {
                if (_failure is not null ? thread.State != LogicalThreadState.Finished : CanRun(thread))
                {
                    _candidates.Add(thread);
                }
            }

            if (_candidates.Count != 0)
            {
                return _candidates[_random.Below(_candidates.Count)];
            }

            if (_threads.TrueForAll(thread => thread.State == LogicalThreadState.Finished))
            {
                DrainAll();
                return null;
            }

            if (!DrainAll() && !StopSpinning() && !AdvanceClock())
            {
                _failure = new InterleavingFailureException($"All threads are blocked: {string.Join(", ", _threads)}");
                if (self is not null)
                {
                    return self;
                }
            }
        }
    }

    private bool CanRun(LogicalThread thread) => thread.State switch
    {
        LogicalThreadState.Ready => true,
        LogicalThreadState.Parked => thread.Deadline <= _clock,
        LogicalThreadState.Watching => RawMemory.Load(thread.Address, sizeof(ulong)) != thread.Observed,
        LogicalThreadState.Spinning => thread.Observed != _memoryVersion,
        LogicalThreadState.Joining => thread.Joined!.State == LogicalThreadState.Finished || thread.Deadline <= _clock,
        _ => false,
    };

    private void DrainSome()
    {
        foreach (var thread in _threads)
        {
            while (!thread.Buffer.IsEmpty && _random.Percent(_drainPercent))
            {
                thread.Buffer.DrainOne();
                _memoryVersion++;
            }
        }
    }

    private bool DrainAll()
    {
        var drained = false;
        foreach (var thread in _threads)
        {
            drained |= Drain(thread);
        }

        return drained;
    }

    private bool Drain(LogicalThread thread)
    {
        if (thread.Buffer.IsEmpty)
        {
            return false;
        }

        thread.Buffer.DrainAll();
        _memoryVersion++;
        return true;
    }

    // A spinning thread normally waits for memory to change; with nothing else to run it goes on, because spins are bounded.
    private bool StopSpinning()
    {
        var any = false;
        foreach (var thread in _threads)
        {
            if (thread.State == LogicalThreadState.Spinning)
            {
                thread.State = LogicalThreadState.Ready;
                any = true;
            }
        }

        return any;
    }

    private bool AdvanceClock()
    {
        var earliest = long.MaxValue;
        foreach (var thread in _threads)
        {
            if (thread.State is LogicalThreadState.Parked or LogicalThreadState.Joining)
            {
                earliest = Math.Min(earliest, thread.Deadline);
            }
        }

        _clock = earliest == long.MaxValue ? _clock : Math.Max(_clock, earliest);
        return earliest != long.MaxValue;
    }
}
