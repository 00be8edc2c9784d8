using System.Numerics;

namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>Tries every choice at every step, without any reduction.</summary>
/// <param name="preemptions">How many preemptions a schedule may have.</param>
internal sealed class EverySchedule(int preemptions = int.MaxValue) : SearchStrategy
{
    private readonly List<(uint Open, int Chosen)> _choices = [];
    private bool _started;

    internal override void Restart()
    {
        _choices.Clear();
        _started = false;
    }

    internal override bool Begin()
    {
        if (!_started)
        {
            _started = true;
            return true;
        }

        for (; _choices.Count != 0; _choices.RemoveAt(_choices.Count - 1))
        {
            var open = _choices[^1].Open;
            if (open != 0)
            {
                var actor = BitOperations.TrailingZeroCount(open);
                _choices[^1] = (open & (open - 1), actor);
                return true;
            }
        }

        return false;
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        if (situation.Step == _choices.Count)
        {
            var open = situation.Enabled;
            for (var actor = 0; actor < ScheduledThread.Most; actor++)
            {
                open &= controller.Preemptions == preemptions && situation.IsPreemption(actor) ? ~(1u << actor) : ~0u;
            }

            _choices.Add((open & (open - 1), BitOperations.TrailingZeroCount(open)));
        }

        return _choices[situation.Step].Chosen;
    }
}
