using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>
/// Runs the threads of a program one at a time and has a strategy decide at every operation on shared memory who goes next.
/// </summary>
/// <remarks>
/// <para>A scheduling point is an operation that does not commute with all others: on a word that several threads use and one writes, or a
/// wait, wake-up or fence that others notice. Anything else is performed at once. Which words those are is learnt: a word that turns out
/// to be shared is one from then on, and strategies that depend on it start over.</para>
/// <para>Everything but <see cref="Run"/> is called by the thread that has the baton.</para>
/// </remarks>
internal sealed partial class SchedulingController : AtomicsController
{
    private readonly BatonCrew _crew;
    private readonly List<ScheduledThread> _threads = [];
    private readonly List<StepEvent> _events = [];
    private readonly List<Access> _accesses = [];
    private readonly List<int> _awaited = [];
    private readonly List<IMemoryObserver> _observers = [];
    private readonly Dictionary<nint, nint> _watched = [];
    private readonly List<int> _choices = [];
    private readonly List<nint> _discovered = [];
    private SearchStrategy _strategy = null!;
    private ScheduledThread? _current;
    private Exception? _failure;
    private ulong _overwritten;
    private long _clock;
    private int _lastThread;
    private int _aside;
    private bool _hasNewRaces;
    private bool _isOver;
    private bool _excludes;
    private ScheduledThread? _starter;
    private long _alone;
    private long _stepLimit;
    private TraceWriter? _trace;
    private TimeSpan _patience;

    internal SchedulingController(BatonCrew crew, Arena arena)
    {
        _crew = crew;
        Arena = arena;
    }

    /// <summary>Whose threads run the program.</summary>
    internal BatonCrew Crew => _crew;

    internal Arena Arena { get; }

    /// <summary>Whether stores wait in buffers.</summary>
    internal bool IsBuffered { get; set; }

    /// <summary>Bytes allocated and not freed in this execution.</summary>
    internal long LiveBytes { get; private set; }

    internal List<StepEvent> Events => _events;

    /// <summary>The order of the events.</summary>
    internal HappensBefore Order { get; } = new();

    internal IReadOnlyList<ScheduledThread> Threads => _threads;

    /// <summary>All operations so far, those included that were no scheduling points.</summary>
    internal long Operations { get; private set; }

    /// <summary>Who was chosen, choice by choice; one more than there are events if the last one chosen failed.</summary>
    internal IReadOnlyList<int> Choices => _choices;

    /// <summary>How often a thread was interrupted that could have gone on.</summary>
    internal int Preemptions { get; private set; }

    /// <summary>Whether this execution showed scheduling points or races that were not known.</summary>
    internal bool HasDiscovered => HasDiscoveredPoints || _hasNewRaces;

    /// <summary>Whether it showed that something is shared of which that was not known: it would have more points now.</summary>
    internal bool HasDiscoveredPoints => _discovered.Count != 0;

    /// <summary>What it showed.</summary>
    internal IReadOnlyList<nint> Discovered => _discovered;

    /// <summary>Whether the last execution ended because a thread blocked where the scheduler cannot see it.</summary>
    internal bool IsStuck { get; private set; }

    /// <summary>Whether it ended because nobody could go on.</summary>
    internal bool IsDeadlock { get; private set; }

    /// <summary>The name of the thread that failed, or null.</summary>
    internal string? FailedThread { get; private set; }

    internal Exception? Failure => _failure;

    /// <summary>Runs one execution.</summary>
    /// <param name="arrange">Makes the program's state and threads.</param>
    /// <param name="strategy">Decides.</param>
    /// <param name="options">Has limits.</param>
    /// <param name="trace">Gets the steps, or null.</param>
    /// <returns>What went wrong, or null.</returns>
    internal Exception? Run(Action<Execution> arrange, SearchStrategy strategy, ExplorationOptions options, TraceWriter? trace = null)
    {
        Arena.Reset();
        _threads.Clear();
        Order.Begin(this, strategy.Repeated);
        _events.Clear();
        _accesses.Clear();
        _awaited.Clear();
        _observers.Clear();
        _watched.Clear();
        LiveBytes = 0;
        _strategy = strategy;
        _current = null;
        _lastThread = -1;
        _failure = null;
        _clock = 1;
        _alone = 0;
        _discovered.Clear();
        _hasNewRaces = false;
        _isOver = false;
        IsStuck = false;
        _choices.Clear();
        Preemptions = 0;
        IsDeadlock = false;
        FailedThread = null;
        _stepLimit = Operations + options.OperationLimit;
        _patience = options.Patience;
        _trace = trace;
        ComparesStates = Arena.JoinsExecutions = strategy.ComparesStates;
        _starter = null;
        _memoryHash = 0;
        _permissions.Clear();
        SharesOnlyMemory = false;
        _excludes = false;
        var execution = new Execution(this);
        _aside = 1;
        try
        {
            RunAttached(() =>
            {
                arrange(execution);
                _aside = 0;
                if (_threads.Count != 0)
                {
                    RunThreads();
                }

                _aside = 1;
                _isOver = true;
                if (_failure is null)
                {
                    execution.RunChecks();
                }

                if (_failure is null)
                {
                    execution.Release();
                }
            });
        }
#pragma warning disable CA1031 // Whatever is thrown is the finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure ??= exception;
        }

        if (_failure is not null)
        {
            ReleaseAfterFailure(execution);
        }

        return _failure;
    }

    // What an execution left behind in the middle of its work may object to being disposed of. That is no news.
    private void ReleaseAfterFailure(Execution execution)
    {
        for (var released = false; !released;)
        {
            try
            {
                RunAttached(execution.Release);
                released = true;
            }
#pragma warning disable CA1031 // See above.
            catch (Exception)
#pragma warning restore CA1031
            {
            }
        }
    }

    internal void AddThread(string name, Action body) => _ = Create(name, body);

    /// <summary>As <see cref="Execution.Exclude"/>.</summary>
    internal void Exclude(nint address, nint bytes)
    {
        Arena.Exclude(address, bytes);
        _excludes = true;
        RequireNothingElse();
    }

    /// <summary>Has every write to these bytes count as a read of a word.</summary>
    internal void Watch(nint address, nint bytes, nint word)
    {
        for (var watched = address & ~7; watched < address + bytes; watched += WordBytes)
        {
            _watched[watched] = word;
        }

        RequireNothingElse();
    }

    /// <summary>A step that is in an order with all reads of a word, as far as the schedule is concerned, and does nothing.</summary>
    internal void Note(nint word)
    {
        if (Enter(word) is { } self)
        {
            Announce(self, OperationKind.Note, word, WordBytes);
            Decide(self);
            Record(self, 0, PendingAccesses(self));
        }
    }

    internal void AddObserver(IMemoryObserver observer)
    {
        _observers.Add(observer);
        RequireNothingElse();
    }

    /// <summary>Performs operations at once and unseen: looks at memory as it is.</summary>
    internal void Aside(Action body)
    {
        if (ComparesStates && _current is not null)
        {
            throw new InvalidOperationException("Where states are compared, a thread looks at memory by its steps only.");
        }

        _aside++;
        try
        {
            body();
        }
        finally
        {
            _aside--;
        }
    }

    /// <summary>The number of the thread that runs, or -1 outside of threads.</summary>
    internal int CurrentThread => _current?.Id ?? -1;

    /// <summary>An access by its place among all accesses.</summary>
    internal Access AccessAt(int place) => _accesses[place];

    /// <summary>Accesses of an event.</summary>
    internal ReadOnlySpan<Access> AccessesOf(in StepEvent step) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_accesses).Slice(step.FirstAccess, step.AccessCount);

    /// <summary>Events besides its actor's last one that an event came after because it waited for them.</summary>
    internal ReadOnlySpan<int> AwaitedBy(in StepEvent step) =>
        System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_awaited).Slice(step.FirstAwaited, step.AwaitedCount);

    /// <summary>Whether what an actor is about to do touches nothing that an event touched, so that the two commute.</summary>
    internal bool CommutesWithPending(int actor, in StepEvent step)
    {
        if ((actor & (ScheduledThread.Most - 1)) == (step.Actor & (ScheduledThread.Most - 1)))
        {
            // A thread and its buffer: each goes its own way unless it has to wait for the other, and then it is not enabled.
            return true;
        }

        var pending = PendingOf(actor);
        foreach (var access in AccessesOf(step))
        {
            foreach (var other in pending)
            {
                if (access.ConflictsWith(other))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>As <see cref="Execution.StoresOf"/>.</summary>
    internal IEnumerable<OrderedStore> StoresOf(ScheduledThread thread, nint address, int step, int laterStep)
    {
        if (ComparesStates)
        {
            throw new InvalidOperationException("Where states are compared, the order of steps is not known.");
        }

        if (IsBuffered)
        {
            for (var store = 0; store < thread.StoresAfter.Count; store++)
            {
                var flush = store < thread.Flushes.Count ? thread.Flushes[store] : -1;
                var (place, value) = flush >= 0
                    ? (_events[flush].Address, _events[flush].Value)
                    : (thread.Buffer[store - thread.Flushes.Count].Address, thread.Buffer[store - thread.Flushes.Count].Value);
                if (place == address)
                {
                    yield return new OrderedStore(
                        value,
                        step >= _events.Count || thread.StoresAfter[store] < Order.CountBefore(step, thread.Id),
                        flush >= 0 && IsBefore(flush, laterStep));
                }
            }

            yield break;
        }

        for (var index = 0; index < _events.Count; index++)
        {
            if (_events[index] is { Kind: OperationKind.Store } store && store.Actor == thread.Id && store.Address == address)
            {
                yield return new OrderedStore(store.Value, IsBefore(index, step), IsBefore(index, laterStep));
            }
        }
    }

    private bool IsBefore(int index, int step) => step >= _events.Count || Order.OrdinalOf(index) <= Order.CountBefore(step, _events[index].Actor);

    /// <summary>Whether a thread, if there is one, waits for something.</summary>
    internal bool IsBlocked(int thread) => thread >= 0 && !_threads[thread].IsFinished && !CanGoOn(_threads[thread]);

    /// <summary>Whether what an actor is about to do may be what a blocked thread waits for.</summary>
    internal bool MayEnable(int actor, int thread)
    {
        if (_threads[thread] is { Kind: OperationKind.Resume } parked)
        {
            // It may wait for a change of its word as well as for being woken.
            return actor < ScheduledThread.Most && _threads[actor].Kind == OperationKind.Wake && _threads[actor].Address == parked.Address
                || parked.HasLimit;
        }

        var waits = PendingAccesses(_threads[thread]);
        Span<Access> awaited = stackalloc Access[waits.Length];
        waits.CopyTo(awaited);
        foreach (var access in PendingOf(actor))
        {
            foreach (var other in awaited)
            {
                if (access.ConflictsWith(other))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private ReadOnlySpan<Access> PendingOf(int actor) => actor < ScheduledThread.Most
        ? PendingAccesses(_threads[actor])
        : FlushAccesses(_threads[actor - ScheduledThread.Most].Buffer.Oldest);

    private void RunThreads()
    {
        _current = Next();
        if (!_crew.Run(_current!.Baton, () => Operations, _patience))
        {
            // The crew is lost, and this controller with it: whoever still comes back finds that the run has failed.
            IsStuck = true;
            _failure = new FindingException($"{_current.Name} blocks where the scheduler cannot see it: it waits for something that is not waited for through Atomics.");
        }

        _current = null;
    }

    private ScheduledThread Create(string name, Action body)
    {
        if (_threads.Count == ScheduledThread.Most)
        {
            throw new InvalidOperationException($"An explored program has at most {ScheduledThread.Most} threads.");
        }

        var thread = new ScheduledThread(this, _threads.Count, name, body, _crew[_threads.Count])
        {
            Kind = OperationKind.Begin,
            Origin = HashOf([_current?.Knowledge ?? 0, (ulong)(_current is null ? _threads.Count : 0)]),
        };
        thread.Baton.Assign(() => Execute(thread));
        _threads.Add(thread);
        return thread;
    }

    // Runs on the thread's own baton thread, from the moment it is first chosen.
    private void Execute(ScheduledThread thread)
    {
        try
        {
            if (_failure is null)
            {
                Record(thread, 0, [Access.Life(thread.Id)]);
                RunAttached(thread.Body);
                Announce(thread, OperationKind.End, 0, 0);
                Decide(thread);
                Record(thread, 0, [Access.Life(thread.Id)]);
                Arrive(thread);
            }
        }
        catch (UnwindingException)
        {
            // What caused it is kept.
        }
#pragma warning disable CA1031 // What a body throws is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            FailedThread ??= _failure is null ? thread.Name : null;
            _failure ??= exception;
        }

        thread.IsFinished = true;
        PassOn();
    }

    // The thread that has the baton is finished: somebody else goes on.
    private void PassOn()
    {
        ScheduledThread? next;
        try
        {
            next = _failure is null ? Next() : null;
        }
#pragma warning disable CA1031 // A deadlock is a finding.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure ??= exception;
            next = null;
        }

        // After a finding the others unwind, one by one.
        next ??= _failure is null ? null : _threads.Find(static thread => !thread.IsFinished);
        if (next is null)
        {
            _crew.Return();
            return;
        }

        _current = next;
        next.Baton.Resume();
    }

    // Lets the strategy choose until it chooses a thread; null when all are finished and all stores are in memory.
    private ScheduledThread? Next()
    {
        while (true)
        {
            var enabled = EnabledActors();
            if (enabled == 0)
            {
                if (_threads.TrueForAll(static thread => thread.IsFinished))
                {
                    _strategy.Finish(this);
                    return null;
                }

                AdvanceTime();
                continue;
            }

            var situation = new Situation(_events.Count, enabled, _lastThread, IsDraining());
            var actor = _strategy.Choose(situation, this);
            _choices.Add(actor);
            Preemptions += situation.IsPreemption(actor) ? 1 : 0;
            if (actor < ScheduledThread.Most)
            {
                if (ComparesStates)
                {
                    Account(_threads[actor]);
                }

                return _threads[actor];
            }

            FlushOldest(_threads[actor - ScheduledThread.Most]);
        }
    }

    /// <summary>Lets others go first, as the strategy decides, until the calling thread is chosen to perform its operation.</summary>
    private void Decide(ScheduledThread self)
    {
        Arrive(self);
        var next = Next();
        if (next != self)
        {
            _current = next;
            next!.Baton.Resume();
            self.Baton.Await();
        }

        if (_failure is not null)
        {
            self.IsUnwinding = true;
            throw new UnwindingException();
        }

        // What was allowed when the thread arrived here may not be so any more.
        if (IsRefused(self))
        {
            RequireAllowed(self, self.Address);
        }
    }
}
