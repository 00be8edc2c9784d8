namespace TdpMmu.Interleaving;

/// <summary>Chooses at random, staying with a thread more often than not: how often, and how long stores stay behind, differs by execution.</summary>
internal sealed class RandomStrategy(ulong seed) : SearchStrategy
{
    private static readonly int[] s_percents = [5, 30, 60, 90];

    private readonly SeededRandom _random = new(seed);
    private ulong _start = seed;
    private int _stay;
    private int _drain;

    internal override string Bound => "random schedules";

    internal override void Restart() => _random.State = _start;

    internal override bool Begin()
    {
        _start = _random.State;
        _stay = s_percents[_random.Below(s_percents.Length)];
        _drain = s_percents[_random.Below(s_percents.Length)];
        return true;
    }

    internal override int Choose(in Situation situation, SchedulingController controller)
    {
        const uint Threads = (1u << ScheduledThread.Most) - 1;
        var threads = situation.Enabled & Threads;
        var buffers = situation.Enabled & ~Threads;
        if (threads == 0 || (buffers != 0 && _random.Below(100) < _drain))
        {
            return _random.OneOf(buffers);
        }

        return situation.Current >= 0 && (threads & (1u << situation.Current)) != 0 && _random.Below(100) < _stay ? situation.Current : _random.OneOf(threads);
    }
}
