namespace TdpMmu.Interleaving;

/// <summary>A plain store of a thread, and what can be said of it at two steps of an execution.</summary>
/// <param name="Value">What was stored.</param>
/// <param name="IsMadeBefore">Whether the thread had made it at the first step, in every execution with the same order of steps.</param>
/// <param name="IsInMemoryBefore">Whether it had reached memory at the second step, likewise.</param>
public readonly record struct OrderedStore(ulong Value, bool IsMadeBefore, bool IsInMemoryBefore);
