namespace TdpMmu.Machine;

/// <summary>What a fault finds out about its page before it maps it.</summary>
internal enum Readiness
{
    /// <summary>The page may be mapped in this section.</summary>
    Ready,

    /// <summary>The page must be brought in first; the slot is announced as referenced.</summary>
    Missing,

    /// <summary>An invalidation covers the frame.</summary>
    Invalidating,

    /// <summary>The slot is being deleted.</summary>
    Deleting,

    /// <summary>No slot has the frame.</summary>
    NoSlot,

    /// <summary>The access is a write and the slot is read-only.</summary>
    ReadOnly,

    /// <summary>The page's contents are lost.</summary>
    Poisoned,
}
