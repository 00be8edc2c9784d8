namespace TdpMmu.PageTables;

/// <summary>Whose section a walk runs in.</summary>
internal enum WalkKind
{
    /// <summary>The caller's: the walk neither yields nor takes permissions away.</summary>
    Borrowed,

    /// <summary>Its own, shared with others: for changes by compare-and-swap.</summary>
    Shared,

    /// <summary>Its own, exclusive where the policy has such: for taking ranges away.</summary>
    Exclusive,
}
