namespace TdpMmu;

/// <summary>A host virtual address: a byte of this process.</summary>
/// <param name="Value">The address.</param>
public readonly record struct Hva(ulong Value) : IComparable<Hva>
{
    /// <summary>The frame that the byte lies in.</summary>
    public Pfn Frame => new(Value >> PageGeometry.PageShift);

    /// <summary>The address that lies so many bytes further on.</summary>
    /// <exception cref="OverflowException">The sum does not fit 64 bits.</exception>
    public Hva Plus(ulong bytes) => new(checked(Value + bytes));

    /// <summary>Whether the address is a multiple of a power of two.</summary>
    public bool IsAligned(ulong alignment) => (Value & (alignment - 1)) == 0;

    /// <inheritdoc/>
    public int CompareTo(Hva other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left lies below the right.</summary>
    public static bool operator <(Hva left, Hva right) => left.Value < right.Value;

    /// <summary>Whether the left lies above the right.</summary>
    public static bool operator >(Hva left, Hva right) => left.Value > right.Value;

    /// <summary>Whether the left does not lie above the right.</summary>
    public static bool operator <=(Hva left, Hva right) => left.Value <= right.Value;

    /// <summary>Whether the left does not lie below the right.</summary>
    public static bool operator >=(Hva left, Hva right) => left.Value >= right.Value;

    /// <summary>The value in hexadecimal.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{Value:x}");
}
