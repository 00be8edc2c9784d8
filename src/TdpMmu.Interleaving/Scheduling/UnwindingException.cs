namespace TdpMmu.Interleaving;

/// <summary>Ends a thread whose execution is over, because another thread's finding ended it.</summary>
#pragma warning disable CA1064, CA1032 // It never leaves the scheduler.
internal sealed class UnwindingException() : Exception("The execution is over.");
#pragma warning restore CA1064, CA1032
