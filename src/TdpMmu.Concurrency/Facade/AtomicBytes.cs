namespace TdpMmu.Concurrency;

/// <summary>
/// The location of guest data: native bytes of any alignment that other vCPUs read and write at the same time.
/// Only <see cref="Atomics"/> reads or writes what it names.
/// </summary>
public readonly unsafe struct AtomicBytes
{
    // SAFETY: the pointer is only stored here; Atomics dereferences it inside an access window that keeps the page mapped.
    internal readonly byte* Pointer;

    /// <summary>Names the bytes that start at <paramref name="address"/>.</summary>
    /// <param name="address">A native address of any alignment.</param>
    public AtomicBytes(void* address) => Pointer = (byte*)address;

    /// <summary>Names the bytes that start at <paramref name="address"/>.</summary>
    /// <param name="address">A native address of any alignment.</param>
    public AtomicBytes(nint address) => Pointer = (byte*)address;

    /// <summary>The native address.</summary>
    public nint Address => (nint)Pointer;
}
