namespace TdpMmu.Machine;

/// <summary>How a TLB miss ended.</summary>
internal enum MissOutcome
{
    /// <summary>The translation is in the TLB, unless a flush came in between: the access is tried again.</summary>
    Translated,

    /// <summary>The access goes to the owner of the machine.</summary>
    Mmio,
}
