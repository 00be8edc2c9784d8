using System.Numerics;

namespace TdpMmu.Interleaving;

/// <summary>
/// Explores every schedule that is not equivalent to one explored before: dynamic partial-order reduction with source sets and sleep sets
/// (Abdulla, Aronsson, Jonsson, Sagonas: "Optimal Dynamic Partial Order Reduction", POPL 2014), or all within a number of preemptions
/// (Coons, Musuvathi, McKinley: "Bounded Partial-Order Reduction", OOPSLA 2013).
/// </summary>
/// <remarks>
/// <para>Two schedules are equivalent when one turns into the other by swapping neighbouring steps that touch no location in common. Each
/// execution shows its races: pairs of steps that touch a common location and that nothing else orders. For each race a schedule with the
/// two in the other order is planned, by adding an actor to the frame of the first.</para>
/// <para>Store buffers are actors of their own, so that a store that stays behind is one more order of steps.</para>
/// <para>With a bound, the plan is made for the beginning of the block of steps as well, where the switch may cost no preemption. Asleep are
/// only actors whose step, done before the others' instead of after them, costs no preemption more: a store that leaves its buffer, and the
/// next step of the thread that has the processor, which then is the end of one block of its steps instead of the beginning of another. The
/// schedule that other sleeping threads would rely on may be beyond the bound. And nobody sleeps whose step may be what the thread that has the
/// processor waits for: with that step done before, the thread could have gone on, and to leave it would cost a preemption. A thread does not
/// sleep either where the one that has the processor waits and a store may end that: who has the processor then would be another one, had
/// the step been done before.</para>
/// </remarks>
internal sealed class PartialOrderSearch : SearchStrategy
{
    private readonly int _preemptions;
    private readonly List<Frame> _frames = [];
    private HappensBefore _order = null!;
    private List<StepEvent>? _steps;
    private int _prefix;
    private bool _started;
    private bool _gaveUp;
    private bool _isCut;
    private long _pruned;

    /// <summary>Creates a search.</summary>
    /// <param name="preemptions">Preemptions that a schedule may have, or <see cref="int.MaxValue"/>.</param>
    internal PartialOrderSearch(int preemptions) => _preemptions = preemptions;

    internal override long Pruned => _pruned;

    // The last step of the prefix is the first that is new.
    internal override int Repeated => Math.Max(0, _prefix - 1);

    /// <summary>Whether schedules were left out because they have too many preemptions.</summary>
    internal bool IsCut => _isCut;

    internal override string? Bound => _isCut ? $"{_preemptions} preemptions" : null;

    private bool IsBounded => _preemptions != int.MaxValue;

    internal override void Restart()
    {
        _frames.Clear();
        _prefix = 0;
        _started = false;
        _isCut = false;
    }

    internal override bool Begin()
    {
        _gaveUp = false;
        if (!_started)
        {
            _started = true;
            _prefix = 0;
            return true;
        }

        for (; _frames.Count > 0; _frames.RemoveAt(_frames.Count - 1))
        {
            var frame = _frames[^1];
            frame.Done |= 1u << frame.Chosen;
            for (var open = frame.Backtrack & ~frame.Done & ~frame.Sleep; open != 0; open &= open - 1)
            {
                var actor = BitOperations.TrailingZeroCount(open);
                if (frame.PreemptionsBefore + frame.CostOf(actor) > _preemptions)
                {
                    _isCut = true;
                    frame.Done |= 1u << actor;
                    continue;
                }

                frame.Chosen = actor;
                _frames[^1] = frame;
                _prefix = _frames.Count;
                return true;
            }
        }

        return false;
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        if (_gaveUp)
        {
            return situation.Undisturbed(situation.Enabled);
        }

        if (situation.Step < _prefix)
        {
            var planned = _frames[situation.Step];
            return planned.Enabled == situation.Enabled
                ? planned.Chosen
                : throw new NondeterminismException("The program is not deterministic: with the same schedule, other threads can go on than the last time.");
        }

        var sleep = situation.Step == 0 ? 0 : SleepBehind(_frames[^1], situation, controller);
        var before = _frames.Count == 0 ? 0 : _frames[^1].PreemptionsBefore + _frames[^1].CostOf(_frames[^1].Chosen);
        var awake = situation.Enabled & ~sleep;
        var chosen = awake == 0 ? 0 : situation.Undisturbed(awake);
        if (IsBounded && awake != 0 && situation.IsPreemption(chosen))
        {
            // The thread waits for a store that must stay behind: it is interrupted, or others come before it.
            AddAllWhereBegan(situation.Current);
            _isCut |= before == _preemptions;
            awake = before == _preemptions ? 0 : awake;
        }

        if (awake == 0)
        {
            // Whatever could be done here is covered by an execution that was seen. The rest is run to its end, which costs less than stopping.
            _gaveUp = true;
            _pruned++;
            return situation.Undisturbed(situation.Enabled);
        }

        _frames.Add(new Frame
        {
            Situation = situation,
            Backtrack = 1u << chosen,
            Sleep = sleep,
            Wakeful = WakefulAt(situation, controller),
            Chosen = chosen,
            PreemptionsBefore = before,
        });
        return chosen;
    }

    internal override void End(SchedulingController controller)
    {
        _steps = controller.Events;
        _order = controller.Order;

        // What a bounded search gave up may race with what it did not.
        _order.FindRaces(controller, IsBounded ? controller.Events.Count : _frames.Count, Repeated, IsBounded, Plan);
    }

    private uint SleepBehind(in Frame frame, in Situation situation, SchedulingController controller)
    {
        var sleep = 0u;
        ref readonly var step = ref System.Runtime.InteropServices.CollectionsMarshal.AsSpan(controller.Events)[^1];
        for (var asleep = (frame.Sleep | (frame.Done & SleepersAt(frame))) & ~(1u << frame.Chosen); asleep != 0; asleep &= asleep - 1)
        {
            var actor = BitOperations.TrailingZeroCount(asleep);
            if (controller.CommutesWithPending(actor, step))
            {
                sleep |= 1u << actor;
            }
        }

        return sleep & ~WakefulAt(situation, controller);
    }

    // With a bound, those who must not sleep because the thread that has the processor waits for something.
    private uint WakefulAt(in Situation situation, SchedulingController controller)
    {
        if (!IsBounded || !controller.IsBlocked(situation.Current))
        {
            return 0;
        }

        var wakeful = situation.Enabled >> ScheduledThread.Most != 0 ? (1u << ScheduledThread.Most) - 1 : 0;
        for (var actors = situation.Enabled & ~wakeful; actors != 0; actors &= actors - 1)
        {
            var actor = BitOperations.TrailingZeroCount(actors);
            wakeful |= controller.MayEnable(actor, situation.Current) ? 1u << actor : 0;
        }

        return wakeful;
    }

    // Who may sleep after its step was explored at a frame.
    private uint SleepersAt(in Frame frame) =>
        !IsBounded ? ~0u : ((~0u << ScheduledThread.Most) | (frame.Situation.Current >= 0 ? 1u << frame.Situation.Current : 0)) & ~frame.Wakeful;

    // The steps at the two indices race: a schedule with the second one first is wanted.
    private void Plan(int first, int second, int actor)
    {
        if (!IsBounded)
        {
            var frame = _frames[first];
            var initials = _order.InitialsBetween(first, second);
            if ((initials & frame.Backtrack) == 0)
            {
                var possible = initials & frame.Enabled;
                frame.Backtrack |= (possible & (1u << actor)) != 0 ? 1u << actor : possible & (0 - possible);
                _frames[first] = frame;
            }

            return;
        }

        // What follows a step at which the search gave up is not planned itself, but the switch to its thread may have been.
        var last = Math.Min(first, _frames.Count - 1);
        Add(last, second, actor);
        var chosen = _steps![first].Actor;
        var thread = chosen < ScheduledThread.Most ? chosen : ThreadBefore(first);
        if (chosen >= ScheduledThread.Most)
        {
            // The store stays behind while its thread, or whoever has the processor, goes on: that costs no preemption.
            Add(last, second, thread);
        }

        var start = first;
        while (start > 0 && ThreadBefore(start) == thread)
        {
            start--;
        }

        if (start != first && start < _frames.Count)
        {
            Add(start, second, actor);
        }
    }

    // Plans all threads where the one that has the processor got it.
    private void AddAllWhereBegan(int thread)
    {
        var start = _frames.Count - 1;
        while (start > 0 && _frames[start].Situation.Current == thread)
        {
            start--;
        }

        var frame = _frames[start];
        frame.Backtrack |= frame.Enabled;
        _frames[start] = frame;
    }

    // The thread that took the last step of a thread before a step.
    private int ThreadBefore(int index)
    {
        if (index < _frames.Count)
        {
            return _frames[index].Situation.Current;
        }

        for (index--; index >= 0; index--)
        {
            if (_steps![index].Actor < ScheduledThread.Most)
            {
                return _steps[index].Actor;
            }
        }

        return -1;
    }

    // Plans an actor at a frame, on the way to a later step. Where the actor cannot go, or is asleep because it has to come after somebody
    // else this time, those go who can begin what leads to the step.
    private void Add(int index, int second, int actor)
    {
        var frame = _frames[index];
        if (actor >= ScheduledThread.Most && (frame.Enabled & (1u << actor)) == 0)
        {
            // The store is still to be made.
            actor -= ScheduledThread.Most;
        }

        var planned = actor < 0 ? 0 : frame.Enabled & (1u << actor);
        if ((planned & frame.Sleep) != 0)
        {
            planned = _order.InitialsBetween(index, second) & frame.Enabled & ~frame.Sleep;
        }

        frame.Backtrack |= planned != 0 ? planned : frame.Enabled;
        _frames[index] = frame;
    }

    private struct Frame
    {
        internal Situation Situation;
        internal uint Backtrack;
        internal uint Done;
        internal uint Sleep;
        internal uint Wakeful;
        internal int Chosen;
        internal int PreemptionsBefore;

        internal readonly uint Enabled => Situation.Enabled;

        internal readonly int CostOf(int actor) => Situation.IsPreemption(actor) ? 1 : 0;
    }
}
