namespace TdpMmu.Interleaving;

/// <summary>
/// What explorers of one number share, because it is made once per process: the arena, whose place is fixed, and the threads.
/// </summary>
internal sealed class ExplorerSeat
{
    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, ExplorerSeat> s_seats = [];

    private int _taken;

    private ExplorerSeat(int number)
    {
        var processors = ProcessorAffinity.Usable;
        Arena = new Arena(number);
        Crew = new BatonCrew(processors[number % processors.Count]);
    }

    internal Arena Arena { get; }

    internal BatonCrew Crew { get; private set; }

    internal static ExplorerSeat Of(int number)
    {
        lock (s_gate)
        {
            if (!s_seats.TryGetValue(number, out var seat))
            {
                seat = new ExplorerSeat(number);
                s_seats.Add(number, seat);
            }

            return seat;
        }
    }

    /// <summary>Takes the seat and pins the calling thread next to the crew.</summary>
    /// <exception cref="InvalidOperationException">Somebody has it.</exception>
    internal Occupation Take() => Interlocked.Exchange(ref _taken, 1) == 0
        ? new Occupation(this)
        : throw new InvalidOperationException("Two explorers of one number explore at a time: give each a number of its own.");

    /// <summary>Gets another crew, because a thread of this one will not come back from what it runs.</summary>
    internal void ReplaceCrew() => Crew = new BatonCrew(Crew.Processor);

    /// <summary>The time during which one explorer has the seat.</summary>
    internal readonly ref struct Occupation
    {
        private readonly ExplorerSeat _seat;
        private readonly ProcessorAffinity.Mask _mask;

        internal Occupation(ExplorerSeat seat)
        {
            _seat = seat;
            _mask = ProcessorAffinity.Current();
            ProcessorAffinity.Pin(seat.Crew.Processor);
        }

        public void Dispose()
        {
            ProcessorAffinity.Restore(_mask);
            Volatile.Write(ref _seat._taken, 0);
        }
    }
}
