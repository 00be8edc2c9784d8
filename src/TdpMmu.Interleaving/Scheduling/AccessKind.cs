namespace TdpMmu.Interleaving;

/// <summary>How a location is touched.</summary>
internal enum AccessKind : byte
{
    /// <summary>It is looked at.</summary>
    Read,

    /// <summary>A wait until its value is another one came to its end. Only who changes it from that value, or back to it, matters to that.</summary>
    Await,

    /// <summary>What the program knows about it changes or is looked at, in an order with all that looks at it, and in none with other notes.</summary>
    Note,

    /// <summary>It is changed.</summary>
    Write,

    /// <summary>
    /// All of it is changed, to a value that does not depend on the one before; both are known. Other changes than stores do not qualify: what
    /// commutes with a wait must do so whatever the waiting thread does not care about.
    /// </summary>
    Change,
}
