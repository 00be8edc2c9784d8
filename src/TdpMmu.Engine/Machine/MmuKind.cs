namespace TdpMmu;

/// <summary>An implementation of the MMU.</summary>
public enum MmuKind
{
    /// <summary>Page tables only, faults in parallel.</summary>
    Direct,

    /// <summary>What came before: one lock, shadow-page structures, reverse maps. The baseline of comparisons.</summary>
    Legacy,
}
