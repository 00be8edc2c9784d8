namespace TdpMmu;

/// <summary>The sizes that every format shares.</summary>
public static class PageGeometry
{
    /// <summary>log2 of the smallest page's size.</summary>
    public const int PageShift = 12;

    /// <summary>The smallest page in bytes: 4 KiB.</summary>
    public const ulong PageSize = 1UL << PageShift;

    /// <summary>Bits of index per level in the formats that hardware walks.</summary>
    public const int IndexBits = 9;

    /// <summary>Pages of 4 KiB in a 2 MiB page.</summary>
    public const ulong PagesPer2MiB = 1UL << IndexBits;

    /// <summary>Bytes in 2 MiB.</summary>
    public const ulong Size2MiB = PageSize * PagesPer2MiB;

    /// <summary>Bytes in 1 GiB.</summary>
    public const ulong Size1GiB = Size2MiB * PagesPer2MiB;
}
