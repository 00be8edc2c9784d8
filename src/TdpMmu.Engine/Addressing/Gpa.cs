namespace TdpMmu;

/// <summary>A guest physical address: a byte of the guest's memory.</summary>
/// <param name="Value">Bytes from the guest's address 0.</param>
public readonly record struct Gpa(ulong Value) : IComparable<Gpa>
{
    /// <summary>The frame that the byte lies in.</summary>
    public Gfn Frame => new(Value >> PageGeometry.PageShift);

    /// <summary>The byte's offset in its 4 KiB page, 0 to 4095.</summary>
    public uint PageOffset => (uint)(Value & (PageGeometry.PageSize - 1));

    /// <summary>The address that lies so many bytes further on.</summary>
    /// <exception cref="OverflowException">The sum does not fit 64 bits.</exception>
    public Gpa Plus(ulong bytes) => new(checked(Value + bytes));

    /// <inheritdoc/>
    public int CompareTo(Gpa other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left lies below the right.</summary>
    public static bool operator <(Gpa left, Gpa right) => left.Value < right.Value;

    /// <summary>Whether the left lies above the right.</summary>
    public static bool operator >(Gpa left, Gpa right) => left.Value > right.Value;

    /// <summary>Whether the left does not lie above the right.</summary>
    public static bool operator <=(Gpa left, Gpa right) => left.Value <= right.Value;

    /// <summary>Whether the left does not lie below the right.</summary>
    public static bool operator >=(Gpa left, Gpa right) => left.Value >= right.Value;

    /// <summary>The value in hexadecimal.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{Value:x}");
}
