using System.Runtime.CompilerServices;

namespace TdpMmu.Concurrency;

/// <content>The controlled path: never inlined, so that the uncontrolled callers stay one instruction.</content>
public static unsafe partial class Atomics
{
    // SAFETY: as for the facade's own operations; threads without a controller fall through to the hardware.

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
