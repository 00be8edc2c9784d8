using System.Numerics;

namespace TdpMmu.Interleaving;

/// <content>What the races of an execution say about schedules that are to be seen, and where they begin to differ from this one.</content>
internal sealed partial class PartialOrderSearch
{
    // The second step of a race that was seen on another way to the same state.
    private const int Remembered = int.MaxValue;
    private const uint Everybody = 1u << 31;

    private readonly List<ushort[]> _races = [];

    // The steps at the two indices race: a schedule with the second one first is wanted.
    private void Plan(int first, int second, int actor)
    {
        if (!IsBounded)
        {
            ref var frame = ref At(first);
            var initials = _order.InitialsBetween(first, second);
            if ((initials & frame.Backtrack) == 0)
            {
                var possible = initials & frame.Enabled;
                frame.Backtrack |= (possible & (1u << actor)) != 0 ? 1u << actor : possible & (0 - possible);
            }

            return;
        }

        // Whoever comes to the state before the second step on another way has the first one at another place, and plans it there.
        var behind = Math.Min(second, _frames.Count - 1);
        if (_remembers && first < behind)
        {
            RacesWith(behind)[first] |= (ushort)(1u << actor);
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

        var start = BlockStart(first, thread);
        if (start < first && start <= last)
        {
            Add(start, second, actor);
            At(last).PlannedForBlock |= start < last ? 1u << actor : 0;
        }
    }

    // Plans what would be planned if this execution went on from the state that it has come to.
    private void PlanAgain(in SeenState seen, int current)
    {
        for (var number = seen.FirstRace; number < seen.FirstRace + seen.RaceCount; number++)
        {
            var (first, actors) = _seen.RaceAt(number, _order);
            for (; actors != 0; actors &= actors - 1)
            {
                Plan(first, Remembered, BitOperations.TrailingZeroCount(actors));
            }
        }

        At(_frames.Count - 1).IsCut |= seen.IsCut;
        PlanWhereBegan(current, seen.PlannedForBlock);
    }

    // Plans actors where the thread that has the processor got it.
    private void PlanWhereBegan(int thread, uint actors)
    {
        var last = _frames.Count - 1;
        var start = BlockStart(last, thread);
        At(last).PlannedForBlock |= start < last ? actors : 0;
        if ((actors & Everybody) != 0)
        {
            ref var frame = ref At(start);
            frame.Backtrack |= frame.Enabled;
        }

        for (actors &= ~Everybody; actors != 0; actors &= actors - 1)
        {
            Add(start, Remembered, BitOperations.TrailingZeroCount(actors));
        }
    }

    // The step with which a thread got the processor that had it before another step.
    private int BlockStart(int index, int thread)
    {
        while (index > 0 && ThreadBefore(index) == thread)
        {
            index--;
        }

        return index;
    }

    // The thread that took the last step of a thread before a step.
    private int ThreadBefore(int index)
    {
        if (index < _frames.Count)
        {
            return At(index).Situation.Current;
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
        ref var frame = ref At(index);
        if (actor >= ScheduledThread.Most && (frame.Enabled & (1u << actor)) == 0)
        {
            // The store is still to be made.
            actor -= ScheduledThread.Most;
        }

        var planned = actor < 0 ? 0 : frame.Enabled & (1u << actor);
        if ((planned & frame.Sleep) != 0)
        {
            planned = second == Remembered ? 0 : _order.InitialsBetween(index, second) & frame.Enabled & ~frame.Sleep;
        }

        frame.Backtrack |= planned != 0 ? planned : frame.Enabled;
    }

    // For each step before a frame the actors, as bits, with steps of whom behind the frame it races.
    private Span<ushort> RacesWith(int index)
    {
        while (_races.Count <= index)
        {
            _races.Add(new ushort[_races.Count + 1]);
        }

        return _races[index].AsSpan(0, index);
    }

    // The frame is closed: what was planned because of what follows it was planned because of what follows the one before it.
    private void HandOn(int index)
    {
        var races = RacesWith(index);
        var before = RacesWith(index - 1);
        for (var step = 0; step < before.Length; step++)
        {
            before[step] |= races[step];
        }

        ref readonly var frame = ref At(index);
        ref var parent = ref At(index - 1);
        if (parent.Situation.Current == frame.Situation.Current)
        {
            // The block of steps that the frame is in began before its parent.
            parent.PlannedForBlock |= frame.PlannedForBlock;
        }
    }
}
