namespace TdpMmu.Interleaving.Tests;

/// <summary>Ways to weaken what the protocols rely on, so that the tests can show that they notice.</summary>
[Flags]
internal enum Mutation
{
    /// <summary>Everything does what it promises.</summary>
    None = 0,

    /// <summary>A process-wide fence drains the caller's own stores only.</summary>
    ProcessWideFenceIsLocal = 1,

    /// <summary>Wake wakes nobody.</summary>
    WakeIsLost = 2,
}
