namespace TdpMmu.Concurrency;

/// <summary>An owned, zeroed, aligned block of native memory: where everything that threads share lives.</summary>
/// <remarks>Disposing is not thread-safe and must come after the last use of any location in the block.</remarks>
public sealed unsafe class NativeBlock : IDisposable
{
    /// <summary>The unit by which words of different writers are kept apart: two 64-byte lines, which prefetchers pair.</summary>
    public const int LineBytes = 128;

    private static long s_liveBytes;
    private readonly AtomicsController? _allocator = Atomics.IsControllable ? Atomics.AttachedController : null;
    private byte* _pointer;

    /// <summary>Allocates and zeroes a block.</summary>
    /// <param name="bytes">Its size; more than zero.</param>
    /// <param name="alignment">Its alignment, a power of two.</param>
    /// <exception cref="OutOfMemoryException">The memory cannot be had.</exception>
    public NativeBlock(nuint bytes, nuint alignment = LineBytes)
    {
        ArgumentOutOfRangeException.ThrowIfZero(bytes);
        _pointer = (byte*)Allocate(bytes, alignment);
        Length = bytes;
    }

    /// <summary>Bytes in blocks of this process that are not disposed: a leak check for tests.</summary>
    public static long LiveBytes => Volatile.Read(ref s_liveBytes);

    /// <summary>Size in bytes.</summary>
    public nuint Length { get; }

    /// <summary>The block's address.</summary>
    /// <exception cref="ObjectDisposedException">The block was disposed.</exception>
    public void* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_pointer is null, this);
            return _pointer;
        }
    }

    /// <summary>The word at a byte offset.</summary>
    /// <param name="byteOffset">A multiple of eight inside the block.</param>
    public AtomicWord Word(nuint byteOffset)
    {
        CheckInside(byteOffset, sizeof(ulong));
        return new AtomicWord((byte*)Pointer + byteOffset);
    }

    /// <summary>The 32-bit word at a byte offset.</summary>
    /// <param name="byteOffset">A multiple of four inside the block.</param>
    public AtomicInt Int(nuint byteOffset)
    {
        CheckInside(byteOffset, sizeof(uint));
        return new AtomicInt((byte*)Pointer + byteOffset);
    }

    /// <summary>Allocates zeroed memory that no object owns, for code that must not allocate managed memory.</summary>
    internal static void* Allocate(nuint bytes, nuint alignment)
    {
        var pointer = AllocateUncounted(bytes, alignment);
        Interlocked.Add(ref s_liveBytes, (long)bytes);
        return pointer;
    }

    /// <summary>As <see cref="Allocate"/>, for memory whose end is the finaliser's business and no sign of a leak.</summary>
    internal static void* AllocateUncounted(nuint bytes, nuint alignment) =>
        (void*)(Atomics.IsControllable && Atomics.AttachedController is { } controller
            ? controller.Allocate(bytes, alignment)
            : RawMemory.Allocate(bytes, alignment));

    /// <summary>Frees what <see cref="Allocate"/> returned to a thread under the same controller, or under none.</summary>
    internal static void Free(void* pointer, nuint bytes) => Free(pointer, bytes, Atomics.IsControllable ? Atomics.AttachedController : null);

    /// <summary>Frees memory whose allocator the caller has kept.</summary>
    internal static void Free(void* pointer, nuint bytes, AtomicsController? allocator)
    {
        FreeUncounted(pointer, bytes, allocator);
        Interlocked.Add(ref s_liveBytes, -(long)bytes);
    }

    /// <summary>Frees what <see cref="AllocateUncounted"/> returned.</summary>
    internal static void FreeUncounted(void* pointer, nuint bytes, AtomicsController? allocator)
    {
        // SAFETY: the caller owns the memory, and names its size and where it came from.
        if (allocator is null)
        {
            RawMemory.Free((nint)pointer);
        }
        else
        {
            allocator.Free((nint)pointer, bytes);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_pointer is not null)
        {
            // SAFETY: the block is freed once; the owner guarantees that no location in it is used afterwards.
            Free(_pointer, Length, _allocator);
            _pointer = null;
        }
    }
    // Compared as a difference, because an offset near the largest number would wrap when the size is added.
    private void CheckInside(nuint byteOffset, nuint bytes)
    {
        if (bytes > Length || byteOffset > Length - bytes)
        {
            ThrowOutside(byteOffset, bytes);
        }
    }

    private void ThrowOutside(nuint byteOffset, nuint bytes) =>
        throw new ArgumentOutOfRangeException(nameof(byteOffset), byteOffset, $"{bytes} bytes from here do not lie in a block of {Length} bytes.");
}
