namespace TdpMmu;

/// <summary>A layout of second-stage tables.</summary>
public enum PagingFormatKind
{
    /// <summary>Intel extended page tables, four levels.</summary>
    Ept,

    /// <summary>Intel extended page tables, five levels.</summary>
    Ept5,

    /// <summary>AMD nested page tables, four levels.</summary>
    Npt,

    /// <summary>AMD nested page tables, five levels.</summary>
    Npt5,
}
