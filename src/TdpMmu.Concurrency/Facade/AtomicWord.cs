namespace TdpMmu.Concurrency;

/// <summary>
/// The location of a shared 64-bit word in native memory. Only <see cref="Atomics"/> reads or writes what it names.
/// </summary>
/// <remarks>
/// Locations are native addresses and never references into the managed heap, because objects move. The address must be
/// 8-byte aligned and stay mapped for as long as the location is used.
/// </remarks>
public readonly unsafe struct AtomicWord : IEquatable<AtomicWord>
{
    // SAFETY: the pointer is only stored here; Atomics dereferences it under the contract in the remarks.
    internal readonly ulong* Pointer;

    /// <summary>Names the word at <paramref name="address"/>.</summary>
    /// <param name="address">An 8-byte aligned native address.</param>
    public AtomicWord(void* address) => Pointer = (ulong*)address;

    /// <summary>The native address.</summary>
    public nint Address => (nint)Pointer;

    /// <summary>The word that lies <paramref name="index"/> words further on.</summary>
    /// <param name="index">Distance in words of eight bytes.</param>
    public AtomicWord At(int index) => new(Pointer + index);

    /// <summary>The low 32 bits of the word as a location of their own, for parking.</summary>
    public AtomicInt LowHalf => new(BitConverter.IsLittleEndian ? (uint*)Pointer : (uint*)Pointer + 1);

    /// <inheritdoc/>
    public bool Equals(AtomicWord other) => Pointer == other.Pointer;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AtomicWord other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Address.GetHashCode();

    /// <summary>Whether both name the same location.</summary>
    public static bool operator ==(AtomicWord left, AtomicWord right) => left.Equals(right);

    /// <summary>Whether they name different locations.</summary>
    public static bool operator !=(AtomicWord left, AtomicWord right) => !left.Equals(right);
}
