namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>What is left out.</summary>
internal enum Weakness
{
    /// <summary>Everything does what it promises.</summary>
    None,

    /// <summary>A process-wide fence is one of the calling thread.</summary>
    ProcessWideFenceIsLocal,

    /// <summary>Wake wakes nobody.</summary>
    WakeIsLost,
}
