namespace TdpMmu.Verification;

/// <summary>What a checked machine is like when its operations begin. Frames 0 to 7 are a slot; 0 to 3 share a table.</summary>
internal enum StartState
{
    /// <summary>All pages are present and nothing is mapped; mappings are small.</summary>
    Unmapped,

    /// <summary>As <see cref="Unmapped"/>, with frame 1 mapped: the table of frame 0 is there and its entry is not.</summary>
    TableThere,

    /// <summary>Frames 0 and 1 are mapped, written and dirty.</summary>
    Mapped,

    /// <summary>Frame 0 is mapped and was only read, so that its first write sets the dirty bit.</summary>
    MappedClean,

    /// <summary>Frame 0 is mapped and write-protected in a way that a fast fault may undo.</summary>
    Protected,

    /// <summary>Frame 0 is mapped and write-protected in a way that only a fault that looks at everything may undo.</summary>
    ProtectedFirmly,

    /// <summary>Frames 0 to 3 are mapped by one large leaf.</summary>
    MappedLarge,

    /// <summary>Frames 0 to 3 are mapped by one large leaf that is write-protected in a way that a fast fault may undo.</summary>
    ProtectedLarge,

    /// <summary>Nothing is mapped, and a fault maps frames 0 to 3 by one large leaf.</summary>
    LargePossible,

    /// <summary>Page 0 is missing, and nothing is mapped. When it comes, frames 0 to 3 may be mapped by one large leaf.</summary>
    Missing,

    /// <summary>As <see cref="Unmapped"/>, in a slot that guests may only read.</summary>
    ReadOnly,

    /// <summary>Dirty pages are logged, and frames 0 and 1 are mapped, written and dirty.</summary>
    Logged,
}
