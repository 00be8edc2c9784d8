namespace TdpMmu.Formats;

/// <summary>The shape of the paging structures: a parameter of the formats, so that a small one can be checked exhaustively.</summary>
internal interface IPagingGeometry
{
    /// <summary>Levels of tables, 2 to 5.</summary>
    static abstract int Levels { get; }

    /// <summary>Bits of index per level, 1 to 9: a table has two to the power of this entries.</summary>
    static abstract int IndexBits { get; }
}
