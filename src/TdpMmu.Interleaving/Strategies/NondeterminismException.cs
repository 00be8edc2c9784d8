namespace TdpMmu.Interleaving;

/// <summary>The same schedule led elsewhere than the last time.</summary>
#pragma warning disable CA1064, CA1032 // It becomes the message of a finding.
internal sealed class NondeterminismException(string message) : Exception(message);
#pragma warning restore CA1064, CA1032
