using System.Numerics;
using System.Runtime.InteropServices;

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
/// <para>So little sleep leaves many schedules that are equivalent. What was seen from a state is therefore remembered, and a schedule that comes
/// to the same state on another way ends there (<see cref="SeenStates"/>). Without a bound there are no such schedules.</para>
/// </remarks>
internal sealed partial class PartialOrderSearch : SearchStrategy
{
    // Makes the thread that has the processor a part of a state's hash.
    private const ulong ThreadFactor = 0x9e37_79b9_7f4a_7c15;

    private readonly int _preemptions;
    private readonly bool _remembers;
    private readonly List<Frame> _frames = [];
    private readonly SeenStates _seen = new();
    private HappensBefore _order = null!;
    private List<StepEvent>? _steps;
    private int _prefix;
    private int _interesting;
    private long _executions;
    private bool _started;
    private long _pruned;

    /// <summary>Creates a search.</summary>
    /// <param name="preemptions">Preemptions that a schedule may have, or <see cref="int.MaxValue"/>.</param>
    /// <param name="remembers">Whether a search with a bound remembers states.</param>
    internal PartialOrderSearch(int preemptions, bool remembers = true)
    {
        _preemptions = preemptions;
        _remembers = remembers && IsBounded;
    }

    internal override long Pruned => _pruned;

    // The last step of the prefix is the first that is new.
    internal override int Repeated => Math.Max(0, _prefix - 1);

    /// <summary>Whether the last execution was not looked at to its end, because what it would show was seen or is beyond the bound.</summary>
    internal bool GaveUp { get; private set; }

    /// <summary>Whether schedules were left out because they have too many preemptions.</summary>
    internal bool IsCut { get; private set; }

    internal override string? Bound => IsCut ? $"{_preemptions} preemptions" : null;

    private bool IsBounded => _preemptions != int.MaxValue;

    internal override void Restart()
    {
        _frames.Clear();
        _seen.Clear();
        _prefix = 0;
        _started = false;
        IsCut = false;
    }

    internal override bool Begin()
    {
        GaveUp = false;
        _interesting = int.MaxValue;
        _executions++;
        if (!_started)
        {
            _started = true;
            _prefix = 0;
            return true;
        }

        for (; _frames.Count > 0; Close())
        {
            ref var frame = ref At(_frames.Count - 1);
            frame.Done |= 1u << frame.Chosen;
            for (var open = frame.Backtrack & ~frame.Done & ~frame.Sleep; open != 0; open &= open - 1)
            {
                var actor = BitOperations.TrailingZeroCount(open);
                if (frame.PreemptionsBefore + frame.CostOf(actor) > _preemptions)
                {
                    frame.IsCut = true;
                    frame.Done |= 1u << actor;
                    continue;
                }

                frame.Chosen = actor;
                _prefix = _frames.Count;
                return true;
            }
        }

        return false;
    }

    // Nothing is left to be done at the last frame.
    private void Close()
    {
        var index = _frames.Count - 1;
        ref readonly var frame = ref At(index);
        IsCut |= frame.IsCut;
        if (_remembers && index > 0)
        {
            ref var parent = ref At(index - 1);
            parent.IsCut |= frame.IsCut;
            HandOn(index);

            // To come to it again costs an execution, so that nothing is gained where there was only one.
            if (frame.FirstExecution + 1 < _executions)
            {
                var state = new SeenState(frame.IsCut ? frame.PreemptionsBefore : 0, frame.Sleep, frame.IsCut, frame.PlannedForBlock);
                _seen.Add(frame.Key, state, RacesWith(index), _order);
            }
        }

        _frames.RemoveAt(index);
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        if (GaveUp)
        {
            return situation.Undisturbed(situation.Enabled);
        }

        if (situation.Step < _prefix)
        {
            ref readonly var planned = ref At(situation.Step);
            return planned.Enabled == situation.Enabled
                ? planned.Chosen
                : throw new NondeterminismException(NondeterminismException.OtherThreads);
        }

        _order = controller.Order;
        _steps = controller.Events;
        var sleep = 0u;
        var before = 0;
        if (situation.Step != 0)
        {
            ref readonly var frame = ref At(_frames.Count - 1);
            sleep = SleepBehind(frame, situation, controller);
            before = frame.PreemptionsBefore + frame.CostOf(frame.Chosen);
        }

        var key = _remembers ? _order.HashOfFirst(situation.Step) + ((ulong)(situation.Current + 1) * ThreadFactor) : 0;
        if (_remembers && situation.Step != 0 && _seen.TryFind(key, before, sleep, out var seen))
        {
            PlanAgain(seen, situation.Current);
            _interesting = situation.Step;
            return GiveUp(situation);
        }

        var awake = situation.Enabled & ~sleep;
        var chosen = awake == 0 ? 0 : situation.Undisturbed(awake);
        if (IsBounded && awake != 0 && situation.IsPreemption(chosen))
        {
            // The thread waits for a store that must stay behind: it is interrupted, or others come before it.
            PlanWhereBegan(situation.Current, Everybody);
            At(_frames.Count - 1).IsCut |= before == _preemptions;
            awake = before == _preemptions ? 0 : awake;
        }

        if (awake == 0)
        {
            return GiveUp(situation);
        }

        _frames.Add(new Frame
        {
            Situation = situation,
            Backtrack = 1u << chosen,
            Sleep = sleep,
            Wakeful = WakefulAt(situation, controller),
            Chosen = chosen,
            PreemptionsBefore = before,
            Key = key,
            FirstExecution = _executions,
        });
        if (_remembers)
        {
            RacesWith(situation.Step).Clear();
        }

        return chosen;
    }

    // Whatever could be done here is covered by an execution that was seen. The rest is run to its end, which costs less than stopping.
    private int GiveUp(in Situation situation)
    {
        GaveUp = true;
        _pruned++;
        return situation.Undisturbed(situation.Enabled);
    }

    // What a bounded search gave up may race with what it did not, unless that is known.
    internal override void End(SchedulingController controller) =>
        _order.FindRaces(controller, IsBounded ? _interesting : _frames.Count, Repeated, IsBounded, Plan);

    private uint SleepBehind(in Frame frame, in Situation situation, SchedulingController controller)
    {
        var sleep = 0u;
        ref readonly var step = ref CollectionsMarshal.AsSpan(controller.Events)[^1];
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

    private ref Frame At(int index) => ref CollectionsMarshal.AsSpan(_frames)[index];

    private struct Frame
    {
        internal Situation Situation;
        internal uint Backtrack;
        internal uint Done;
        internal uint Sleep;
        internal uint Wakeful;
        internal int Chosen;
        internal int PreemptionsBefore;
        internal ulong Key;
        internal long FirstExecution;
        internal uint PlannedForBlock;
        internal bool IsCut;

        internal readonly uint Enabled => Situation.Enabled;

        internal readonly int CostOf(int actor) => Situation.IsPreemption(actor) ? 1 : 0;
    }
}
