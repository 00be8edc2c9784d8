namespace TdpMmu.Concurrency;

/// <summary>
/// The location of a shared 32-bit word in native memory: the unit that threads can park on.
/// Only <see cref="Atomics"/> reads or writes what it names. The address must be 4-byte aligned.
/// </summary>
public readonly unsafe struct AtomicInt : IEquatable<AtomicInt>
{
    // SAFETY: the pointer is only stored here; Atomics dereferences it while the owner keeps the memory mapped.
    internal readonly uint* Pointer;

    /// <summary>Names the word at <paramref name="address"/>.</summary>
    /// <param name="address">A 4-byte aligned native address.</param>
    public AtomicInt(void* address) => Pointer = (uint*)address;

    /// <summary>The native address.</summary>
    public nint Address => (nint)Pointer;

    /// <inheritdoc/>
    public bool Equals(AtomicInt other) => Pointer == other.Pointer;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is AtomicInt other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => Address.GetHashCode();

    /// <summary>Whether both name the same location.</summary>
    public static bool operator ==(AtomicInt left, AtomicInt right) => left.Equals(right);

    /// <summary>Whether they name different locations.</summary>
    public static bool operator !=(AtomicInt left, AtomicInt right) => !left.Equals(right);
}
