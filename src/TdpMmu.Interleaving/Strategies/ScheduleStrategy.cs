namespace TdpMmu.Interleaving;

/// <summary>Follows a schedule that is given, once. Choices of it that are not possible are passed over.</summary>
internal sealed class ScheduleStrategy(IReadOnlyList<int> schedule) : SearchStrategy
{
    private bool _done;
    private int _next;

    /// <summary>Whether some step of the schedule was not possible.</summary>
    internal bool HasDiverged { get; private set; }

    internal override void Restart() => _done = false;

    internal override bool Begin()
    {
        var first = !_done;
        _done = true;
        _next = 0;
        return first;
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        while (_next < schedule.Count)
        {
            var actor = schedule[_next++];
            if ((situation.Enabled & (1u << actor)) != 0)
            {
                return actor;
            }

            HasDiverged = true;
        }

        return situation.Undisturbed(situation.Enabled);
    }
}
