namespace TdpMmu.Verification.Simulation;

/// <summary>A cache line that processors waited for. Immutable.</summary>
/// <param name="Holds">Who allocated the memory, and how far from its start the line lies.</param>
/// <param name="Transfers">How often it was brought from another processor.</param>
/// <param name="WaitedSeconds">Virtual time that processors waited for it, all together.</param>
/// <param name="Places">The code that brought it, the most frequent first.</param>
public sealed record CostlyLine(string Holds, long Transfers, double WaitedSeconds, IReadOnlyList<string> Places);
