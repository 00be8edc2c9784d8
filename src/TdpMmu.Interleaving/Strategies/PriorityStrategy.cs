namespace TdpMmu.Interleaving;

/// <summary>
/// Probabilistic concurrency testing (Burckhardt et al., ASPLOS 2010): the enabled actor with the highest of random priorities goes, and at a
/// few random steps the one that goes falls behind all others. Finds a bug of depth d in a program of n threads and k steps with a
/// probability of at least 1/(n k^(d-1)) per execution.
/// </summary>
internal sealed class PriorityStrategy(ulong seed, int depth) : SearchStrategy
{
    private const int FirstGuess = 64;

    private readonly int[] _priorities = new int[2 * ScheduledThread.Most];
    private readonly int[] _changes = new int[depth - 1];
    private readonly SeededRandom _random = new(seed);
    private int _longest = FirstGuess;
    private ulong _start = seed;
    private int _lowest;

    internal override string Bound => $"random schedules of depth {depth}";

    internal override void Restart() => _random.State = _start;

    internal override bool Begin()
    {
        _start = _random.State;
        for (var actor = 0; actor < _priorities.Length; actor++)
        {
            var other = _random.Below(actor + 1);
            _priorities[actor] = _priorities[other];
            _priorities[other] = actor + depth;
        }

        for (var index = 0; index < _changes.Length; index++)
        {
            _changes[index] = _random.Below(_longest);
        }

        _lowest = 0;
        return true;
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        var chosen = Highest(situation.Enabled);
        if (Array.IndexOf(_changes, situation.Step) >= 0)
        {
            _priorities[chosen] = --_lowest;
            chosen = Highest(situation.Enabled);
        }

        return chosen;
    }

    internal override void End(SchedulingController controller) => _longest = Math.Max(_longest, controller.Events.Count);

    private int Highest(uint among)
    {
        var best = -1;
        for (var actor = 0; actor < _priorities.Length; actor++)
        {
            if ((among & (1u << actor)) != 0 && (best < 0 || _priorities[actor] > _priorities[best]))
            {
                best = actor;
            }
        }

        return best;
    }
}
