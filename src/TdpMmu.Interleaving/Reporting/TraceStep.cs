namespace TdpMmu.Interleaving;

/// <summary>One step of a trace.</summary>
/// <param name="Number">From 0.</param>
/// <param name="Thread">The thread's name; for a store that leaves its buffer, the thread's whose store it is.</param>
/// <param name="Operation">What it does.</param>
/// <param name="Location">The name of what it touches.</param>
/// <param name="Value">What it reads or writes.</param>
/// <param name="Source">Member, file and line of the code, innermost first.</param>
public sealed record TraceStep(int Number, string Thread, string Operation, string Location, string Value, string Source);
