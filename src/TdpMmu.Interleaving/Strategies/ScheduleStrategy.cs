namespace TdpMmu.Interleaving;

/// <summary>Follows a schedule that is given, once.</summary>
internal sealed class ScheduleStrategy(IReadOnlyList<int> schedule) : SearchStrategy
{
    private bool _done;

    /// <summary>Whether some step of the schedule was not possible.</summary>
    internal bool HasDiverged { get; private set; }

    internal override void Restart() => _done = false;

    internal override bool Begin()
    {
        var first = !_done;
        _done = true;
        return first;
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        if (situation.Step < schedule.Count)
        {
            var actor = schedule[situation.Step];
            if ((situation.Enabled & (1u << actor)) != 0)
            {
                return actor;
            }

            HasDiverged = true;
        }

        return situation.Undisturbed(situation.Enabled);
    }
}
