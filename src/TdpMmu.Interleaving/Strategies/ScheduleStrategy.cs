namespace TdpMmu.Interleaving;

/// <summary>Follows a schedule that is given, once. Choices of it that are not possible are passed over.</summary>
/// <param name="schedule">The actors, step by step.</param>
/// <param name="comparesStates">Whether it is the schedule of a strategy that compares states.</param>
internal sealed class ScheduleStrategy(IReadOnlyList<int> schedule, bool comparesStates) : SearchStrategy
{
    private bool _done;
    private int _next;

    internal override bool ComparesStates => comparesStates;

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
