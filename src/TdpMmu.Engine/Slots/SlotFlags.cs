namespace TdpMmu.Slots;

/// <summary>What a slot's policy says. Changed by publish, rendezvous, walk and flush; read inside announced sections only.</summary>
[Flags]
internal enum SlotFlags : ulong
{
    None = 0,

    /// <summary>The slot is being deleted: faults retry until it is gone.</summary>
    Deleting = 1,

    /// <summary>The guest may not write.</summary>
    ReadOnly = 2,

    /// <summary>No large mappings.</summary>
    SmallPagesOnly = 4,

    /// <summary>Pages that are written are recorded.</summary>
    LogDirty = 8,
}
