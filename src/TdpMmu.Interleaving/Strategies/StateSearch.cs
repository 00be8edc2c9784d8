using System.Numerics;

namespace TdpMmu.Interleaving;

/// <summary>Takes every step that can be taken in any state of a program whose threads share nothing but memory.</summary>
/// <remarks>
/// <para>Where a step leads is mostly known before it is taken (<see cref="SchedulingController.HashAfter(int)"/>), so that executions are run
/// only to where none was. An execution goes on through states that were met and takes what is new on its way.</para>
/// <para>Steps that commute are taken in all orders, and the states between them are seen, which loops need not be looked at for. Only a step that
/// touches nothing comes before all others: whatever they do can be done behind it as well.</para>
/// <para>What the program says about itself (<see cref="Execution.ShareOnlyMemory"/>, <see cref="TdpMmu.Concurrency.Past"/>) may be wrong. It is looked at wherever
/// a thread arrives at its next step, which must follow from what the thread knows; and in the end executions at random must not come to a
/// state that was not met.</para>
/// </remarks>
internal sealed class StateSearch : SearchStrategy
{
    private const int Actors = 2 * ScheduledThread.Most;
    private const int FewestAudits = 64;
    private const int MostAudits = 2_000;

    // How each state was come to first.
    private readonly Dictionary<ulong, (ulong Before, int Actor)> _met = [];

    // Steps that are still to be taken, by how many come before them.
    private readonly List<Stack<(ulong State, int Actor, ulong Successor)>> _open = [];
    private readonly List<int> _path = [];
    private readonly ulong[] _successors = new ulong[Actors];
    private readonly int _mostStates;
    private SeededRandom? _audit;
    private (ulong State, int Actor, ulong Successor) _taken;
    private (ulong State, int Actor, ulong Successor) _target;
    private long _executions;
    private long _audits;
    private long _pruned;
    private int _first;
    private bool _isStarted;
    private bool _isOver;
    private bool _hasNew;

    /// <summary>Creates a search.</summary>
    /// <param name="mostStates">How many states it may remember, at about 130 bytes.</param>
    internal StateSearch(int mostStates = 30_000_000) => _mostStates = mostStates;

    internal override bool ComparesStates => true;

    internal override long Pruned => _pruned;

    internal override long States => _met.Count;

    internal override string? Bound => IsFull ? $"{_mostStates} states" : null;

    private bool IsFull => _met.Count >= _mostStates;

    internal override void Restart()
    {
        _met.Clear();
        _open.Clear();
        _audit = null;
        _executions = _audits = 0;
        _isStarted = false;
    }

    internal override bool Begin()
    {
        _pruned += _isStarted && !_hasNew ? 1 : 0;
        _isOver = _hasNew = false;
        _taken = default;
        _path.Clear();
        if (!_isStarted)
        {
            // Only a program without threads is still not started after its execution.
            return _executions++ == 0;
        }

        _executions++;
        while (TryPop(out _target) && !IsFull)
        {
            if (!IsMet(_target.Successor))
            {
                FindPath(_target.State, _target.Actor);
                return true;
            }
        }

        _audit ??= new SeededRandom(0);
        return !IsFull && _audits++ < Math.Min(MostAudits, FewestAudits + (_executions / 4));
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        if (!_isStarted)
        {
            controller.BeginComparing();
            _isStarted = true;
        }

        // An execution in which something turns out to be shared is repeated from the first.
        if (_isOver || controller.HasDiscovered)
        {
            _isOver = true;
            return situation.Undisturbed(situation.Enabled);
        }

        if (situation.Step < _path.Count - 1)
        {
            var planned = _path[situation.Step];
            return (situation.Enabled & (1u << planned)) != 0 ? planned : throw new NondeterminismException(NondeterminismException.OtherThreads);
        }

        var state = controller.HashOfState();
        if (situation.Step == _path.Count - 1)
        {
            return state == _target.State ? Take(_target) : throw LedElsewhere();
        }

        Arrive(state, situation.Step);
        var candidates = Look(situation, controller);
        var open = candidates;
        for (var actors = candidates; actors != 0; actors &= actors - 1)
        {
            var actor = BitOperations.TrailingZeroCount(actors);
            open &= IsMet(_successors[actor]) ? ~(1u << actor) : ~0u;
        }

        if (_audit is not null)
        {
            return open == 0 ? Take(state, _audit.OneOf(candidates)) : throw LedElsewhere();
        }

        var chosen = situation.Undisturbed(open != 0 ? open : candidates);
        for (open &= ~(1u << chosen); open != 0; open &= open - 1)
        {
            var actor = BitOperations.TrailingZeroCount(open);
            Push(situation.Step, (state, actor, _successors[actor]));
        }

        return Take(state, chosen);
    }

    // All threads have ended.
    internal override void Finish(SchedulingController controller)
    {
        if (!_isOver && !controller.HasDiscovered)
        {
            Arrive(controller.HashOfState(), controller.Events.Count);
        }
    }

    private static NondeterminismException LedElsewhere() => new(
        "A step led to another state than it should: the program is not deterministic, or its threads share more than memory, or forget what they need.");

    private void Push(int step, (ulong State, int Actor, ulong Successor) open)
    {
        while (_open.Count <= step)
        {
            _open.Add(new());
        }

        _open[step].Push(open);
        _first = Math.Min(_first, step);
    }

    // The earliest first: most of what an execution comes to behind it is new.
    private bool TryPop(out (ulong State, int Actor, ulong Successor) open)
    {
        for (; _first < _open.Count; _first++)
        {
            if (_open[_first].TryPop(out open))
            {
                return true;
            }
        }

        open = default;
        return false;
    }

    // A state that is not known counts as one that was not met.
    private bool IsMet(ulong state) => state != 0 && _met.ContainsKey(state);

    // An execution has come to a state. That it was met is noted already where the step to it was known to lead there.
    private void Arrive(ulong state, int step)
    {
        if (_taken.Successor == 0)
        {
            _hasNew |= _met.TryAdd(state, (_taken.State, step == 0 ? -1 : _taken.Actor));
        }
        else if (_taken.Successor != state)
        {
            throw LedElsewhere();
        }
    }

    // The actors of which a step has to be taken in a state, with where those lead.
    private uint Look(in Situation situation, SchedulingController controller)
    {
        for (var actors = situation.Enabled; actors != 0; actors &= actors - 1)
        {
            var actor = BitOperations.TrailingZeroCount(actors);
            _successors[actor] = controller.HashAfter(actor);
            if (controller.IsLocal(actor))
            {
                return 1u << actor;
            }
        }

        return situation.Enabled;
    }

    private int Take(ulong state, int actor) => Take((state, actor, _successors[actor]));

    private int Take((ulong State, int Actor, ulong Successor) step)
    {
        _taken = step;
        _hasNew |= step.Successor != 0 && _met.TryAdd(step.Successor, (step.State, step.Actor));
        return step.Actor;
    }

    private void FindPath(ulong state, int last)
    {
        _path.Add(last);
        for (var (before, actor) = _met[state]; actor >= 0; (before, actor) = _met[before])
        {
            _path.Add(actor);
        }

        _path.Reverse();
    }
}
