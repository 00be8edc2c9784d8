namespace TdpMmu;

/// <summary>
/// A level of the paging structures, as the level of an entry: 1 maps 4 KiB, 2 maps 2 MiB, 3 maps 1 GiB; the root table holds
/// entries of the highest level.
/// </summary>
/// <param name="Value">1 to 5.</param>
public readonly record struct PagingLevel(int Value) : IComparable<PagingLevel>
{
    /// <summary>Entries that map 4 KiB.</summary>
    public static PagingLevel Page4KiB => new(1);

    /// <summary>Entries that map 2 MiB or point to a table of 4 KiB entries.</summary>
    public static PagingLevel Page2MiB => new(2);

    /// <summary>Entries that map 1 GiB or point to a table of 2 MiB entries.</summary>
    public static PagingLevel Page1GiB => new(3);

    /// <summary>The next level towards the root.</summary>
    public PagingLevel Up => new(Value + 1);

    /// <summary>The next level towards the pages.</summary>
    public PagingLevel Down => new(Value - 1);

    /// <inheritdoc/>
    public int CompareTo(PagingLevel other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left is nearer to the pages.</summary>
    public static bool operator <(PagingLevel left, PagingLevel right) => left.Value < right.Value;

    /// <summary>Whether the left is nearer to the root.</summary>
    public static bool operator >(PagingLevel left, PagingLevel right) => left.Value > right.Value;

    /// <summary>Whether the left is not nearer to the root.</summary>
    public static bool operator <=(PagingLevel left, PagingLevel right) => left.Value <= right.Value;

    /// <summary>Whether the left is not nearer to the pages.</summary>
    public static bool operator >=(PagingLevel left, PagingLevel right) => left.Value >= right.Value;

    /// <summary>The size of what an entry maps, with nine bits of index per level.</summary>
    public override string ToString() => Value switch
    {
        1 => "4KiB",
        2 => "2MiB",
        3 => "1GiB",
        4 => "512GiB",
        5 => "256TiB",
        _ => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"level {Value}"),
    };
}
