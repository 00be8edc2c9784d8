namespace TdpMmu.Machine;

/// <summary>What became of a fault.</summary>
internal enum FaultOutcome
{
    /// <summary>An entry was installed or changed.</summary>
    Fixed,

    /// <summary>A permission was added by one compare-and-swap.</summary>
    FastFixed,

    /// <summary>Another fault had already made the access possible.</summary>
    Spurious,

    /// <summary>Something was in the way; the guest resumes and faults again.</summary>
    Retry,

    /// <summary>A table is needed and the cache has none: the fault waits for one and looks again.</summary>
    OutOfTables,

    /// <summary>No memory is there: the access goes to the owner of the machine.</summary>
    NoSlot,

    /// <summary>A write to memory that the guest may only read: it goes to the owner of the machine.</summary>
    ReadOnly,

    /// <summary>The page's contents are lost.</summary>
    Poisoned,
}
