using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;

namespace TdpMmu.Interleaving;

/// <summary>
/// Which steps of an execution are ordered by what they touch, as vector clocks, and which race. It grows with the execution, because some of
/// what the scheduler does depends on that order and not on the order in time.
/// </summary>
internal sealed class HappensBefore
{
    private const int Actors = 2 * ScheduledThread.Most;
    private const int FamilyMask = ScheduledThread.Most - 1;

    private readonly Dictionary<nint, int> _heads = [];
    private readonly List<int>[] _stepsOf = [.. Enumerable.Range(0, Actors).Select(static _ => new List<int>())];
    private readonly int[] _firstOf = new int[Actors];
    private int[] _clocks = [];
    private int[] _ordinals = [];
    private byte[] _actors = [];
    private nint[] _signatures = [];
    private ulong[] _hashes = [];
    private int[] _previous = [];
    private int[] _owners = [];
    private int _count;
    private int _hashed;

    /// <summary>Begins an execution.</summary>
    /// <param name="controller">Has the steps of the one before, still.</param>
    /// <param name="repeated">How many of them come first again: their order is known.</param>
    internal void Begin(SchedulingController controller, int repeated)
    {
        if (repeated == 0)
        {
            _heads.Clear();
            Array.ForEach(_stepsOf, static steps => steps.Clear());
            _count = 0;
        }

        while (_count > repeated)
        {
            Remove(controller, --_count);
        }

        _hashed = Math.Min(_hashed, _count);
    }

    // The newest step.
    private void Remove(SchedulingController controller, int index)
    {
        var step = controller.Events[index];
        _stepsOf[step.Actor].RemoveAt(_stepsOf[step.Actor].Count - 1);
        for (var place = step.FirstAccess + step.AccessCount - 1; place >= step.FirstAccess; place--)
        {
            _heads[controller.AccessAt(place).Key] = _previous[place];
        }
    }

    /// <summary>Calls <paramref name="race"/> for each race between the first steps of an execution whose second step is new.</summary>
    /// <param name="controller">Has the steps.</param>
    /// <param name="count">How many of them to look at.</param>
    /// <param name="firstNew">The first that was not there the last time.</param>
    /// <param name="withWaits">Whether to call it for a wait and what ended it, too: they cannot be swapped, but the wait may have begun before or not.</param>
    /// <param name="race">Gets the indices of the two steps and the actor of the second.</param>
    internal void FindRaces(SchedulingController controller, int count, int firstNew, bool withWaits, Action<int, int, int> race)
    {
        var steps = CollectionsMarshal.AsSpan(controller.Events)[..Math.Min(count, controller.Events.Count)];
        for (var index = firstNew; index < steps.Length; index++)
        {
            FindRaces(controller, steps, index, withWaits, race);
        }
    }

    /// <summary>The number of a step among those of its actor, from 1.</summary>
    internal int OrdinalOf(int index) => _ordinals[index];

    /// <summary>Who took a step.</summary>
    internal int ActorOf(int index) => _actors[index];

    /// <summary>The index of a step by its number among those of its actor.</summary>
    internal int IndexOf(int actor, int ordinal) => _stepsOf[actor][ordinal - 1];

    /// <summary>
    /// A hash of the first steps of the execution and of their order as far as it matters: the same for executions that begin with equivalent
    /// steps, so that whoever is where they lead to is in the same state.
    /// </summary>
    internal ulong HashOfFirst(int count)
    {
        for (; _hashed < count; _hashed++)
        {
            // A sum, because it does not matter in which order steps come that nothing orders.
            var seed = unchecked((long)(((ulong)_signatures[_hashed] << 4) | _actors[_hashed]));
            _hashes[_hashed] = (_hashed == 0 ? 0 : _hashes[_hashed - 1]) + XxHash3.HashToUInt64(MemoryMarshal.AsBytes((ReadOnlySpan<int>)Clock(_hashed)), seed);
        }

        return count == 0 ? 0 : _hashes[count - 1];
    }

    /// <summary>How many of an actor's steps come before a step, itself included.</summary>
    internal int CountBefore(int index, int actor) => Clock(index)[actor];

    /// <summary>
    /// The actors that can take the first step of what has to happen for <paramref name="second"/> to come before <paramref name="first"/>.
    /// </summary>
    internal uint InitialsBetween(int first, int second)
    {
        Array.Fill(_firstOf, -1);
        var initials = 0u;
        var seen = 0u;
        var actor = _actors[first];
        var ordinal = _ordinals[first];
        for (var index = first + 1; index <= second; index++)
        {
            var own = _actors[index];
            if ((seen & (1u << own)) != 0 || (index != second && Clock(index)[actor] >= ordinal))
            {
                continue;
            }

            var isInitial = true;
            var clock = Clock(index);
            for (var others = seen; others != 0 && isInitial; others &= others - 1)
            {
                var other = BitOperations.TrailingZeroCount(others);
                isInitial = clock[other] < _ordinals[_firstOf[other]];
            }

            seen |= 1u << own;
            _firstOf[own] = index;
            initials |= isInitial ? 1u << own : 0;
        }

        return initials;
    }

    private void Reserve(int steps, int accesses)
    {
        if (_ordinals.Length < steps)
        {
            var capacity = Math.Max(256, steps * 2);
            Array.Resize(ref _ordinals, capacity);
            Array.Resize(ref _actors, capacity);
            Array.Resize(ref _signatures, capacity);
            Array.Resize(ref _hashes, capacity);
            Array.Resize(ref _clocks, capacity * Actors);
        }

        if (_previous.Length < accesses)
        {
            var capacity = Math.Max(256, accesses * 2);
            Array.Resize(ref _previous, capacity);
            Array.Resize(ref _owners, capacity);
        }
    }

    private Span<int> Clock(int index) => _clocks.AsSpan(index * Actors, Actors);

    /// <summary>Adds the newest step of an execution.</summary>
    /// <exception cref="NondeterminismException">It is among those that are repeated, and another one than the last time.</exception>
    internal void Add(SchedulingController controller)
    {
        var index = controller.Events.Count - 1;
        ref readonly var step = ref CollectionsMarshal.AsSpan(controller.Events)[index];
        var signature = (((step.Address << 5) ^ (int)step.Kind) << 4) ^ step.AccessCount;
        if (index < _count)
        {
            if (_actors[index] != step.Actor || _signatures[index] != signature)
            {
                throw new NondeterminismException("The program is not deterministic: with the same schedule, a thread takes another step than the last time.");
            }

            return;
        }

        Reserve(++_count, step.FirstAccess + step.AccessCount);
        _signatures[index] = signature;
        var actor = step.Actor;
        var clock = Clock(index);
        _actors[index] = actor;
        _stepsOf[actor].Add(index);
        _ordinals[index] = _stepsOf[actor].Count;
        Before(controller, step, index, clock);
        var accesses = controller.AccessesOf(step);
        for (var number = 0; number < accesses.Length; number++)
        {
            var access = accesses[number];
            ref var head = ref CollectionsMarshal.GetValueRefOrAddDefault(_heads, access.Key, out var known);
            var previous = known ? head : -1;
            for (var conflict = new Conflicts(controller, this, access, actor, previous, all: false); conflict.MoveNext();)
            {
                Join(clock, conflict.Index);
            }

            _previous[step.FirstAccess + number] = previous;
            _owners[step.FirstAccess + number] = index;
            head = step.FirstAccess + number;
        }

        if (step.TimesOut)
        {
            // Time runs out after all that could happen.
            foreach (var steps in _stepsOf)
            {
                if (steps.Count != 0 && steps[^1] != index)
                {
                    Join(clock, steps[^1]);
                }
            }
        }

        clock[actor] = _ordinals[index];
    }

    // The clock of what is before the step whatever it touches: its actor's last step, and the stores that it waited for.
    private void Before(SchedulingController controller, in StepEvent step, int index, Span<int> clock)
    {
        clock.Clear();
        if (_ordinals[index] > 1)
        {
            Clock(IndexOf(_actors[index], _ordinals[index] - 1)).CopyTo(clock);
        }

        if (step.FamilyEvent >= 0)
        {
            Join(clock, step.FamilyEvent);
        }

        foreach (var awaited in controller.AwaitedBy(step))
        {
            Join(clock, awaited);
        }
    }

    private void FindRaces(SchedulingController controller, ReadOnlySpan<StepEvent> steps, int index, bool withWaits, Action<int, int, int> race)
    {
        Span<int> known = stackalloc int[Actors];
        ref readonly var step = ref steps[index];
        Before(controller, step, index, known);
        var accesses = controller.AccessesOf(step);
        for (var number = 0; number < accesses.Length; number++)
        {
            var previous = _previous[step.FirstAccess + number];
            for (var conflict = new Conflicts(controller, this, accesses[number], step.Actor, previous, step.Blocking); conflict.MoveNext();)
            {
                var earlier = conflict.Index;
                if (known[_actors[earlier]] < _ordinals[earlier] && (withWaits || !accesses[number].IsEnabledBy(conflict.Other)))
                {
                    race(earlier, index, step.Actor);
                }

                // A step that waited may have been possible before several of the steps that it conflicts with, and impossible before the last.
                if (!step.Blocking)
                {
                    Join(known, earlier);
                }
            }
        }
    }

    private void Join(Span<int> clock, int index)
    {
        var other = Clock(index);
        for (var actor = 0; actor < Actors; actor++)
        {
            clock[actor] = Math.Max(clock[actor], other[actor]);
        }
    }

    /// <summary>
    /// Earlier steps that conflict with an access, the latest first: up to a write that covers it, because that comes after all before
    /// it. A thread and its buffer do not conflict, so what the family of that write did before it is looked at as well; and a write need not
    /// come after a wait that came to its end.
    /// </summary>
    private ref struct Conflicts(SchedulingController controller, HappensBefore order, Access access, int actor, int head, bool all)
    {
        private int _next = head;
        private int _coveredBy = -1;

        internal int Index { get; private set; }

        internal Access Other { get; private set; }

        internal bool MoveNext()
        {
            while (_next >= 0)
            {
                var place = _next;
                _next = order._previous[place];
                var index = order._owners[place];
                var other = controller.AccessAt(place);
                var family = order._actors[index] & FamilyMask;
                if (!access.ConflictsWith(other))
                {
                    continue;
                }

                var covers = other.IsWrite && (access.Mask & ~other.Mask) == 0;
                if (_coveredBy >= 0 && _coveredBy != family && !(access.IsWrite && other.Kind == AccessKind.Await))
                {
                    if (covers && !access.IsWrite)
                    {
                        return false;
                    }

                    continue;
                }

                if (family == (actor & FamilyMask))
                {
                    continue;
                }

                if (covers && !all)
                {
                    _coveredBy = family;
                }

                Index = index;
                Other = other;
                return true;
            }

            return false;
        }
    }
}
