namespace TdpMmu.Interleaving;

/// <summary>The same schedule led elsewhere than the last time.</summary>
#pragma warning disable CA1064, CA1032 // It becomes the message of a finding.
internal sealed class NondeterminismException(string message) : Exception(message)
{
    internal const string OtherThreads = "The program is not deterministic: with the same schedule, other threads can go on than the last time.";
}
#pragma warning restore CA1064, CA1032
