using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TdpMmu.Concurrency;

/// <summary>
/// The hardware's own operations on native memory, by address and size: what a controller uses to perform an operation
/// that it decided to let happen now.
/// </summary>
/// <remarks>Thread-safe: every operation is atomic for sizes 1, 2, 4 and 8 at naturally aligned addresses.</remarks>
public static unsafe class RawMemory
{
    // SAFETY: the callers are controllers, which pass on addresses that Atomics was given, under Atomics' contract.

    /// <summary>Loads with acquire semantics.</summary>
    public static ulong Load(nint address, int size) => size switch
    {
        1 => Volatile.Read(ref *(byte*)address),
        2 => Volatile.Read(ref *(ushort*)address),
        4 => Volatile.Read(ref *(uint*)address),
        8 => Volatile.Read(ref *(ulong*)address),
        _ => throw new ArgumentOutOfRangeException(nameof(size), size, "Sizes are 1, 2, 4 or 8 bytes."),
    };

    /// <summary>Stores with release semantics.</summary>
    public static void Store(nint address, int size, ulong value)
    {
        switch (size)
        {
            case 1: Volatile.Write(ref *(byte*)address, (byte)value); break;
            case 2: Volatile.Write(ref *(ushort*)address, (ushort)value); break;
            case 4: Volatile.Write(ref *(uint*)address, (uint)value); break;
            case 8: Volatile.Write(ref *(ulong*)address, value); break;
            default: throw new ArgumentOutOfRangeException(nameof(size), size, "Sizes are 1, 2, 4 or 8 bytes.");
        }
    }

    /// <summary>Compare-and-swap; returns what was there.</summary>
    public static ulong CompareExchange(nint address, int size, ulong value, ulong comparand) => size switch
    {
        1 => Interlocked.CompareExchange(ref *(byte*)address, (byte)value, (byte)comparand),
        2 => Interlocked.CompareExchange(ref *(ushort*)address, (ushort)value, (ushort)comparand),
        4 => Interlocked.CompareExchange(ref *(uint*)address, (uint)value, (uint)comparand),
        8 => Interlocked.CompareExchange(ref *(ulong*)address, value, comparand),
        _ => throw new ArgumentOutOfRangeException(nameof(size), size, "Sizes are 1, 2, 4 or 8 bytes."),
    };

    /// <summary>Exchange; returns what was there.</summary>
    public static ulong Exchange(nint address, int size, ulong value) => Update(address, size, value, static (_, operand) => operand).Old;

    /// <summary>Addition with wrap-around; returns the sum.</summary>
    public static ulong Add(nint address, int size, ulong value) => Update(address, size, value, static (old, operand) => old + operand).New;

    /// <summary>Bitwise and; returns what was there.</summary>
    public static ulong And(nint address, int size, ulong value) => Update(address, size, value, static (old, operand) => old & operand).Old;

    /// <summary>Bitwise or; returns what was there.</summary>
    public static ulong Or(nint address, int size, ulong value) => Update(address, size, value, static (old, operand) => old | operand).Old;

    /// <summary>Allocates zeroed memory from the process's heap.</summary>
    public static nint Allocate(nuint bytes, nuint alignment)
    {
        var pointer = NativeMemory.AlignedAlloc(bytes, alignment);
        NativeMemory.Clear(pointer, bytes);
        return (nint)pointer;
    }

    /// <summary>Frees what <see cref="Allocate"/> returned.</summary>
    public static void Free(nint address) => NativeMemory.AlignedFree((void*)address);

    /// <summary>Copies bytes without any atomicity.</summary>
    public static void Copy(nint source, nint destination, int length) =>
        Unsafe.CopyBlockUnaligned((void*)destination, (void*)source, checked((uint)length));

    // A loop of compare-and-swap: a lost round means that another thread changed the word, and the loop starts from its value.
    private static (ulong Old, ulong New) Update(nint address, int size, ulong operand, Func<ulong, ulong, ulong> function)
    {
        var mask = size == sizeof(ulong) ? ulong.MaxValue : (1UL << (size * 8)) - 1;
        var old = Load(address, size);
        while (true)
        {
            var next = function(old, operand) & mask;
            var seen = CompareExchange(address, size, next, old);
            if (seen == old)
            {
                return (old, next);
            }

            old = seen;
        }
    }
}
