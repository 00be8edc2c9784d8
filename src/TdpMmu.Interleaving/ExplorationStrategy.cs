namespace TdpMmu.Interleaving;

/// <summary>In which order schedules are tried, and how many there are.</summary>
public enum ExplorationStrategy
{
    /// <summary>
    /// Those with few preemptions first, as below; then all of them, one per class of equivalent ones.
    /// </summary>
    Exhaustive,

    /// <summary>All with 0, 1, 2... preemptions, up to <see cref="ExplorationOptions.Preemptions"/>. Finds what there is with the fewest.</summary>
    Preemptions,

    /// <summary>Random priorities with few changes: finds shallow bugs of large programs.</summary>
    Pct,

    /// <summary>A random choice at each step.</summary>
    Random,
}
