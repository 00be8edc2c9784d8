namespace TdpMmu.Concurrency;

/// <summary>The ordering that one shared-memory operation asks for, as a controller sees it.</summary>
public enum MemoryOrder
{
    /// <summary>Atomic, but unordered with other locations.</summary>
    Relaxed,

    /// <summary>No later operation of the thread moves before this load.</summary>
    Acquire,

    /// <summary>No earlier operation of the thread moves after this store.</summary>
    Release,

    /// <summary>A full fence in both directions; every read-modify-write operation has it.</summary>
    SequentiallyConsistent,
}
