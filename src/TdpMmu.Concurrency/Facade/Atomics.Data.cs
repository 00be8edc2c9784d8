using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace TdpMmu.Concurrency;

/// <content>Guest data and blocks of entries.</content>
public static unsafe partial class Atomics
{
    /// <summary>The number of words that <see cref="LoadBlock"/> reads.</summary>
    public const int BlockWords = 8;

    /// <summary>
    /// Loads eight neighbouring words. Each word is read atomically; the block as a whole is not a snapshot.
    /// </summary>
    /// <param name="first">The first word, 64-byte aligned.</param>
    public static Vector512<ulong> LoadBlock(AtomicWord first)
    {
        if (s_controlled)
        {
            var block = Vector512<ulong>.Zero;
            for (var index = 0; index < BlockWords; index++)
            {
                block = block.WithElement(index, LoadRelaxed(first.At(index)));
            }

            return block;
        }

        // SAFETY: the caller names eight mapped words; hardware loads aligned vectors in units of at least eight bytes.
        return Vector512.Load(first.Pointer);
    }

    /// <summary>Loads guest data of 1, 2, 4 or 8 bytes (atomic where naturally aligned) or any other size (not atomic).</summary>
    /// <typeparam name="T">The data's type.</typeparam>
    /// <param name="location">Where it lies; any alignment.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T LoadData<T>(AtomicBytes location)
        where T : unmanaged =>
        s_controlled ? LoadDataControlled<T>(location) : Unsafe.ReadUnaligned<T>(location.Pointer);

    /// <summary>Stores guest data of 1, 2, 4 or 8 bytes (atomic where naturally aligned) or any other size (not atomic).</summary>
    /// <typeparam name="T">The data's type.</typeparam>
    /// <param name="location">Where it goes; any alignment.</param>
    /// <param name="value">What to store.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreData<T>(AtomicBytes location, T value)
        where T : unmanaged
    {
        if (s_controlled)
        {
            StoreDataControlled(location, value);
            return;
        }

        Unsafe.WriteUnaligned(location.Pointer, value);
    }

    /// <summary>
    /// Compare-and-swap on guest data of 1, 2, 4 or 8 bytes. Atomic also where the address is not aligned, if the
    /// architecture has such operations (x86 locks the bus); elsewhere the location must be aligned.
    /// </summary>
    /// <typeparam name="T">A type of 1, 2, 4 or 8 bytes.</typeparam>
    /// <param name="location">Where it lies.</param>
    /// <param name="value">What to store.</param>
    /// <param name="comparand">What must be there.</param>
    /// <returns>What was there.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> has another size.</exception>
    public static T CompareExchangeData<T>(AtomicBytes location, T value, T comparand)
        where T : unmanaged
    {
        if (sizeof(T) is not (1 or 2 or 4 or 8))
        {
            throw new NotSupportedException($"Compare-exchange works on 1, 2, 4 or 8 bytes; {typeof(T)} has {sizeof(T)}.");
        }

        var result = CompareExchangeAny(location.Address, sizeof(T), ToBits(value), ToBits(comparand));
        return Unsafe.As<ulong, T>(ref result);
    }

    /// <summary>Copies guest data out; bytes that change meanwhile are read in either state.</summary>
    /// <param name="source">Where the data lies.</param>
    /// <param name="destination">Where it goes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyDataOut(AtomicBytes source, Span<byte> destination)
    {
        fixed (byte* target = &MemoryMarshal.GetReference(destination))
        {
            CopyData(source.Address, (nint)target, destination.Length, sourceIsShared: true);
        }
    }

    /// <summary>Copies data into guest memory.</summary>
    /// <param name="source">The data.</param>
    /// <param name="destination">Where it goes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyDataIn(ReadOnlySpan<byte> source, AtomicBytes destination)
    {
        fixed (byte* from = &MemoryMarshal.GetReference(source))
        {
            CopyData((nint)from, destination.Address, source.Length, sourceIsShared: false);
        }
    }

    private static void CopyData(nint source, nint destination, int length, bool sourceIsShared)
    {
        if (s_controlled && t_controller is { } controller)
        {
            controller.CopyBytes(source, destination, length, sourceIsShared);
            return;
        }

        // SAFETY: both ranges are mapped: one is a pinned span, the other guest memory inside the caller's access window.
        Unsafe.CopyBlockUnaligned((void*)destination, (void*)source, (uint)length);
    }

    private static ulong CompareExchangeAny(nint address, int size, ulong value, ulong comparand) =>
        s_controlled ? CompareExchange(address, size, value, comparand) : RawMemory.CompareExchange(address, size, value, comparand);

    private static ulong ToBits<T>(T value)
        where T : unmanaged
    {
        ulong bits = 0;
        Unsafe.WriteUnaligned(&bits, value);
        return bits;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T LoadDataControlled<T>(AtomicBytes location)
        where T : unmanaged
    {
        if (sizeof(T) is 1 or 2 or 4 or 8)
        {
            var bits = Load(location.Address, sizeof(T), MemoryOrder.Relaxed);
            return Unsafe.As<ulong, T>(ref bits);
        }

        T value;
        CopyData(location.Address, (nint)(&value), sizeof(T), sourceIsShared: true);
        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreDataControlled<T>(AtomicBytes location, T value)
        where T : unmanaged
    {
        if (sizeof(T) is 1 or 2 or 4 or 8)
        {
            Store(location.Address, sizeof(T), ToBits(value), MemoryOrder.Relaxed);
            return;
        }

        CopyData((nint)(&value), location.Address, sizeof(T), sourceIsShared: false);
    }
}
