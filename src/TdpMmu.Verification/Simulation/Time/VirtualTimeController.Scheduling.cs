using System.Runtime.ExceptionServices;
using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification.Simulation;

/// <content>Who runs.</content>
internal sealed partial class VirtualTimeController
{
    // Setting up and taking down the largest machine takes seconds in which no time passes.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private static BatonCrew? s_crew;
    private static int s_isRunning;

    private SimulationDeadlockException? _deadlock;
    private CancellationToken _cancellationToken;
    private bool _isCancelled;
    private int _unfinished;
    private long _switches;

    /// <summary>The processor of the thread that is started next. The first thread only starts the others, and shares one.</summary>
    internal int NextProcessor { get; set; }

    /// <summary>Runs <paramref name="body"/> as the first simulated thread and returns when it and all that it started have ended.</summary>
    /// <param name="body">What to run.</param>
    /// <param name="cancellationToken">Gives the run up, with what it holds, at the next change of threads.</param>
    /// <exception cref="SimulationDeadlockException">No thread could go on.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    internal void Run(Action body, CancellationToken cancellationToken = default)
    {
        if (Interlocked.Exchange(ref s_isRunning, 1) != 0)
        {
            throw new InvalidOperationException("One simulation runs in a process at a time.");
        }

        try
        {
            Running = this;
            _arena.Reset();
            s_crew ??= new BatonCrew(ProcessorAffinity.Usable[^1]);
            _cancellationToken = cancellationToken;
            _current = Create("main", body, 0);
            var first = _current;
            if (!s_crew.Run(first.Baton, () => _switches + (_current?.Clock ?? 0) + (long)_arena.Used, s_patience))
            {
                _deadlock = new SimulationDeadlockException("A simulated thread blocks outside of what the simulator controls.");
            }

            if (_deadlock is not null || _isCancelled)
            {
                // What threads hold cannot be taken from them. They stay where they are, and the next run has others.
                s_crew = null;
                throw _deadlock ?? (Exception)new OperationCanceledException(cancellationToken);
            }

            first.Failure?.Throw();
        }
        finally
        {
            Running = null;
            Volatile.Write(ref s_isRunning, 0);
        }
    }

    public override ControlledThread StartThread(string name, Action body)
    {
        var thread = Create(name, body, _current.Clock);
        Ready(thread, thread.Clock);
        return thread;
    }

    /// <summary>Waits, on the running thread, for another to end.</summary>
    internal bool Join(SimulatedThread thread)
    {
        if (!thread.IsDone)
        {
            thread.Joiners.Add(_current);
            Block();
        }

        var failure = thread.Failure;
        thread.Failure = null;
        failure?.Throw();
        return true;
    }

    /// <summary>Waits until every other processor has reached the running thread's time.</summary>
    internal void AwaitTurn()
    {
        if (_ready.Count != 0 && _ready.First.Due < _current.Clock)
        {
            GiveWay();
        }
    }

    /// <summary>Puts a thread that waited back among those that run.</summary>
    internal void Ready(SimulatedThread thread, long clock)
    {
        if (thread.Place >= 0)
        {
            _ready.Remove(thread);
        }

        thread.Clock = Math.Max(thread.Clock, clock);
        thread.Due = thread.Clock;
        _ready.Push(thread);
        SetLimit();
    }

    /// <summary>Stops the running thread until <see cref="Ready"/>.</summary>
    internal void Block()
    {
        // Compared with what was chosen here: as soon as another thread has the baton, fields are its business.
        var thread = _current;
        if (PassOn() != thread)
        {
            thread.Baton.Await();
        }
    }

    /// <summary>Stops the running thread until <see cref="Ready"/> or until its clock has gone on by a time.</summary>
    internal void BlockFor(long time)
    {
        _current.Due = _current.Clock + time;
        _ready.Push(_current);
        Block();
    }

    private void GiveWay()
    {
        var thread = _current;
        thread.Due = thread.Clock;
        _ready.Push(thread);
        Block();
    }

    private SimulatedThread Create(string name, Action body, long clock)
    {
        var thread = new SimulatedThread(this, _threads.Count, _threads.Count == 0 ? 0 : NextProcessor++, name, s_crew![_threads.Count]) { Clock = clock };
        _threads.Add(thread);
        _unfinished++;
        thread.Baton.Assign(() => Execute(thread, body));
        return thread;
    }

    private void Execute(SimulatedThread thread, Action body)
    {
        try
        {
            RunAttached(body);
        }
#pragma warning disable CA1031 // Whatever ends the body reaches the thread that joins it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            thread.Failure = ExceptionDispatchInfo.Capture(exception);
        }

        thread.IsDone = true;
        _unfinished--;
        foreach (var joiner in thread.Joiners)
        {
            Ready(joiner, thread.Clock);
        }

        _ = PassOn();
    }

    // Hands the baton to the thread that is furthest behind, or back to the caller of Run when there is none.
    private SimulatedThread? PassOn()
    {
        _isCancelled |= _cancellationToken.IsCancellationRequested && _unfinished != 0;
        if (_ready.Count == 0 || _isCancelled)
        {
            if (_unfinished != 0 && !_isCancelled)
            {
                _deadlock = new SimulationDeadlockException(
                    "No simulated thread can go on: " + string.Join(", ", _threads.Where(static thread => !thread.IsDone).Take(8).Select(static thread =>
                        thread.Word == 0 ? $"{thread.Name} waits for a thread" : $"{thread.Name} waits for the word at 0x{thread.Word:x}")) + ".");
            }

            var crew = s_crew!;
            _current = null!;
            crew.Return();
            return null;
        }

        var next = _ready.Pop();
        if (next.Due > next.Clock)
        {
            // The end of a timed wait.
            next.Clock = next.Due;
            next.TimedOut = true;
        }

        var previous = _current;
        _current = next;
        SetLimit();
        if (next != previous)
        {
            _switches++;
            next.Baton.Resume();
        }

        return next;
    }

    private void SetLimit() => _limit = _ready.Count == 0 ? long.MaxValue : _ready.First.Due + Window;
}
