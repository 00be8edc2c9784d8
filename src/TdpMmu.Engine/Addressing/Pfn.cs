namespace TdpMmu;

/// <summary>A frame number of the machine that the tables point into. In this machine host physical memory is the process's own address space, so it is an HVA without its page offset.</summary>
/// <param name="Value">Frames of 4 KiB.</param>
public readonly record struct Pfn(ulong Value) : IComparable<Pfn>
{
    /// <summary>The host address of the frame's first byte.</summary>
    public Hva Address => new(Value << PageGeometry.PageShift);

    /// <summary>The frame that lies so many frames further on.</summary>
    /// <exception cref="OverflowException">The sum does not fit 64 bits.</exception>
    public Pfn Plus(ulong frames) => new(checked(Value + frames));

    /// <inheritdoc/>
    public int CompareTo(Pfn other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left lies below the right.</summary>
    public static bool operator <(Pfn left, Pfn right) => left.Value < right.Value;

    /// <summary>Whether the left lies above the right.</summary>
    public static bool operator >(Pfn left, Pfn right) => left.Value > right.Value;

    /// <summary>Whether the left does not lie above the right.</summary>
    public static bool operator <=(Pfn left, Pfn right) => left.Value <= right.Value;

    /// <summary>Whether the left does not lie below the right.</summary>
    public static bool operator >=(Pfn left, Pfn right) => left.Value >= right.Value;

    /// <summary>The value in hexadecimal.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{Value:x}");
}
