namespace TdpMmu;

/// <summary>A guest frame number: a 4 KiB page of guest physical memory.</summary>
/// <param name="Value">Frames of 4 KiB from the guest's address 0.</param>
public readonly record struct Gfn(ulong Value) : IComparable<Gfn>
{
    /// <summary>The address of the frame's first byte.</summary>
    /// <exception cref="OverflowException">The frame lies beyond 64 bits of address.</exception>
    public Gpa Address => new(checked(Value * PageGeometry.PageSize));

    /// <summary>The frame that lies so many frames further on.</summary>
    /// <exception cref="OverflowException">The sum does not fit 64 bits.</exception>
    public Gfn Plus(ulong frames) => new(checked(Value + frames));

    /// <summary>The first frame of the entry of a level that covers this frame.</summary>
    public Gfn AlignDown(ulong framesPerEntry) => new(Value & ~(framesPerEntry - 1));

    /// <inheritdoc/>
    public int CompareTo(Gfn other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left lies below the right.</summary>
    public static bool operator <(Gfn left, Gfn right) => left.Value < right.Value;

    /// <summary>Whether the left lies above the right.</summary>
    public static bool operator >(Gfn left, Gfn right) => left.Value > right.Value;

    /// <summary>Whether the left does not lie above the right.</summary>
    public static bool operator <=(Gfn left, Gfn right) => left.Value <= right.Value;

    /// <summary>Whether the left does not lie below the right.</summary>
    public static bool operator >=(Gfn left, Gfn right) => left.Value >= right.Value;

    /// <summary>The value in hexadecimal.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"0x{Value:x}");
}
