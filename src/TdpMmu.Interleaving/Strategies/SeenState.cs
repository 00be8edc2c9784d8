namespace TdpMmu.Interleaving;

/// <summary>What a search with a bound has seen from a state, and what it planned before that state because of it.</summary>
/// <param name="Preemptions">How many had been used up on the way there, or 0 if no more were wanted from there on.</param>
/// <param name="Asleep">Whose steps were not looked at there.</param>
/// <param name="IsCut">Whether more preemptions would have shown more.</param>
/// <param name="PlannedForBlock">Actors that were planned where the thread that has the processor there got it; all if the highest bit is set.</param>
/// <param name="FirstRace">Where the races are between steps on the way to the state and later ones.</param>
/// <param name="RaceCount">How many there are.</param>
internal readonly record struct SeenState(int Preemptions, uint Asleep, bool IsCut, uint PlannedForBlock, int FirstRace = 0, int RaceCount = 0)
{
    /// <summary>Whether all is known that somebody could see from the state who comes to it with so many preemptions and with these asleep.</summary>
    internal bool Covers(int preemptions, uint asleep) => Preemptions <= preemptions && (Asleep & ~asleep) == 0;
}
