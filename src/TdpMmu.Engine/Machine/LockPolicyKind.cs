namespace TdpMmu;

/// <summary>What excludes what in the direct MMU.</summary>
public enum LockPolicyKind
{
    /// <summary>Nothing: sections are announced.</summary>
    Rcu,

    /// <summary>Faults share a lock that invalidations take alone.</summary>
    ReadWrite,

    /// <summary>Everything excludes everything.</summary>
    Monolithic,
}
