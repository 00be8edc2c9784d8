using System.Runtime.InteropServices;

namespace TdpMmu.Interleaving;

/// <summary>
/// The states from which a search with a bound has seen all that there is, by the steps that lead to them: executions that begin with
/// equivalent steps come to the same state, but with a bound they are different schedules, because it counts who had the processor when
/// (Musuvathi, Qadeer: "Partial-Order Reduction for Context-Bounded State Exploration", MSR-TR-2007-12).
/// </summary>
/// <remarks>
/// <para>Whoever comes to such a state again need not go on, but has to plan what the steps behind the state would have had it plan: the races
/// that they have with steps before the state are kept, and are those of the new way as well, in another order (Yang, Chen, Gopalakrishnan,
/// Kirby: "Efficient Stateful Dynamic Partial Order Reduction", SPIN 2008).</para>
/// <para>A state is known by a hash of 64 bits. That two of a million have the same has a probability of 3 in 100 million.</para>
/// </remarks>
internal sealed class SeenStates
{
    // Some 300 MB. Beyond that nothing more is remembered: the search sees the same, but some of it twice.
    private const int Most = 1 << 21;
    private const int MostRaces = 1 << 25;

    private const int ActorShift = 28;
    private const int OrdinalShift = 16;
    private const int MostOrdinals = 1 << (ActorShift - OrdinalShift);

    private readonly Dictionary<ulong, SeenState> _states = [];
    private readonly List<uint> _races = [];

    /// <summary>Forgets everything.</summary>
    internal void Clear()
    {
        _states.Clear();
        _races.Clear();
    }

    /// <summary>Finds a state from which all is known that could be seen.</summary>
    /// <param name="key">The state.</param>
    /// <param name="preemptions">How many were used up on the way there.</param>
    /// <param name="asleep">Whose steps need not be looked at.</param>
    /// <param name="state">What is known.</param>
    internal bool TryFind(ulong key, int preemptions, uint asleep, out SeenState state) =>
        _states.TryGetValue(key, out state) && state.Covers(preemptions, asleep);

    /// <summary>Remembers a state, unless there are too many, or it is so far into an execution that its races cannot be kept.</summary>
    /// <param name="key">The state.</param>
    /// <param name="state">What was seen.</param>
    /// <param name="races">For each step before it the actors, as bits, with later steps of whom it races.</param>
    /// <param name="order">Has the steps before it.</param>
    internal void Add(ulong key, SeenState state, ReadOnlySpan<ushort> races, HappensBefore order)
    {
        if (_states.Count >= Most || _races.Count >= MostRaces || races.Length >= MostOrdinals)
        {
            return;
        }

        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_states, key, out var exists);
        if (exists && !state.Covers(known.Preemptions, known.Asleep))
        {
            return;
        }

        var first = _races.Count;
        for (var index = 0; index < races.Length; index++)
        {
            if (races[index] != 0)
            {
                _races.Add(((uint)order.ActorOf(index) << ActorShift) | ((uint)order.OrdinalOf(index) << OrdinalShift) | races[index]);
            }
        }

        known = state with { FirstRace = first, RaceCount = _races.Count - first };
    }

    /// <summary>One of the races of a state.</summary>
    /// <param name="number">Which.</param>
    /// <param name="order">Has the steps on the way to the state.</param>
    /// <returns>The index of the step there, and the actors with later steps of whom it races.</returns>
    internal (int First, uint Actors) RaceAt(int number, HappensBefore order)
    {
        var race = _races[number];
        return (order.IndexOf((int)(race >> ActorShift), (int)(race >> OrdinalShift) & (MostOrdinals - 1)), race & ((1u << OrdinalShift) - 1));
    }
}
