using System.Runtime.CompilerServices;

namespace TdpMmu.Concurrency;

/// <content>The controlled path: never inlined, so that the uncontrolled callers stay one instruction.</content>
public static unsafe partial class Atomics
{
    // SAFETY: as for the facade's own operations; threads without a controller fall through to the hardware.

    /// <summary>
    /// Says that no thread may use these bytes until <see cref="Readmit"/>: memory in a free list, or given back to the host.
    /// Checkers report who does; otherwise nothing happens.
    /// </summary>
    /// <param name="start">The first byte.</param>
    /// <param name="bytes">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Quarantine(AtomicBytes start, nuint bytes)
    {
        if (s_controlled)
        {
            t_controller?.Quarantine(start.Address, bytes);
        }
    }

    /// <summary>Says that bytes which were in quarantine are in use again.</summary>
    /// <param name="start">The first byte.</param>
    /// <param name="bytes">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Readmit(AtomicBytes start, nuint bytes)
    {
        if (s_controlled)
        {
            t_controller?.Readmit(start.Address, bytes);
        }
    }

    // For Past.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong BeginPast() => s_controlled && t_controller is { } controller ? controller.BeginPast() : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ForgetPast(ulong mark, ulong kept)
    {
        if (s_controlled)
        {
            t_controller?.ForgetPast(mark, kept);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Load(nint address, int size, MemoryOrder order) =>
        t_controller is { } controller ? controller.Load(address, size, order) : RawMemory.Load(address, size);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Store(nint address, int size, ulong value, MemoryOrder order)
    {
        if (t_controller is { } controller)
        {
            controller.Store(address, size, value, order);
            return;
        }

        RawMemory.Store(address, size, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong CompareExchange(nint address, int size, ulong value, ulong comparand) =>
        t_controller is { } controller
            ? controller.CompareExchange(address, size, value, comparand)
            : RawMemory.CompareExchange(address, size, value, comparand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Exchange(nint address, int size, ulong value) =>
        t_controller is { } controller ? controller.Exchange(address, size, value) : RawMemory.Exchange(address, size, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Add(nint address, int size, ulong value) =>
        t_controller is { } controller ? controller.Add(address, size, value) : RawMemory.Add(address, size, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong And(nint address, int size, ulong value) =>
        t_controller is { } controller ? controller.And(address, size, value) : RawMemory.And(address, size, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Or(nint address, int size, ulong value) =>
        t_controller is { } controller ? controller.Or(address, size, value) : RawMemory.Or(address, size, value);
}
