using System.Runtime.CompilerServices;

namespace TdpMmu.Concurrency;

/// <summary>
/// The only way to memory that threads share: loads, stores, read-modify-write operations, fences and waits, each with a
/// named memory order, on native addresses.
/// </summary>
/// <remarks>
/// Thread-safe. With <see cref="ControlSwitch"/> off (the default) every operation compiles to the instruction it names;
/// with it on, each asks the calling thread's <see cref="AtomicsController"/>, if one is attached. Read-modify-write
/// operations are full fences on every architecture. Loads and stores are volatile: the compiler neither merges nor
/// drops them.
/// </remarks>
public static unsafe partial class Atomics
{
    // SAFETY: each location names native memory that its owner keeps mapped and naturally aligned for as long as any
    // thread may use it (AtomicWord, AtomicInt, AtomicBytes); every dereference below is one access of that location.

    /// <summary>The AppContext switch that turns controllers on. It is read once, before the first operation.</summary>
    public const string ControlSwitch = "TdpMmu.Concurrency.Controlled";

    // A static readonly field folds to a constant at tier 1, so that the controlled path leaves no trace when it is off.
    private static readonly bool s_controlled = AppContext.TryGetSwitch(ControlSwitch, out var on) && on;

    [ThreadStatic]
    private static AtomicsController? t_controller;

    /// <summary>Whether this process can attach controllers.</summary>
    public static bool IsControllable => s_controlled;

    /// <summary>The controller that the calling thread's operations go to, or null for the hardware.</summary>
    internal static AtomicsController? AttachedController
    {
        get => t_controller;
        set => t_controller = value;
    }

    /// <summary>Loads the word; unordered with other locations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LoadRelaxed(AtomicWord word) =>
        s_controlled ? Load(word.Address, sizeof(ulong), MemoryOrder.Relaxed) : Volatile.Read(ref *word.Pointer);

    /// <summary>Loads the word; later operations stay after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong LoadAcquire(AtomicWord word) =>
        s_controlled ? Load(word.Address, sizeof(ulong), MemoryOrder.Acquire) : Volatile.Read(ref *word.Pointer);

    /// <summary>Stores the word; unordered with other locations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelaxed(AtomicWord word, ulong value)
    {
        if (s_controlled)
        {
            Store(word.Address, sizeof(ulong), value, MemoryOrder.Relaxed);
            return;
        }

        Volatile.Write(ref *word.Pointer, value);
    }

    /// <summary>Stores the word; earlier operations stay before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelease(AtomicWord word, ulong value)
    {
        if (s_controlled)
        {
            Store(word.Address, sizeof(ulong), value, MemoryOrder.Release);
            return;
        }

        Volatile.Write(ref *word.Pointer, value);
    }

    /// <summary>Stores <paramref name="value"/> and returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Exchange(AtomicWord word, ulong value) =>
        s_controlled ? Exchange(word.Address, sizeof(ulong), value) : Interlocked.Exchange(ref *word.Pointer, value);

    /// <summary>Stores <paramref name="value"/> if the word holds <paramref name="comparand"/>; returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong CompareExchange(AtomicWord word, ulong value, ulong comparand) =>
        s_controlled
            ? CompareExchange(word.Address, sizeof(ulong), value, comparand)
            : Interlocked.CompareExchange(ref *word.Pointer, value, comparand);

    /// <summary>Adds with wrap-around and returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Add(AtomicWord word, ulong value) =>
        s_controlled ? Add(word.Address, sizeof(ulong), value) : Interlocked.Add(ref *word.Pointer, value);

    /// <summary>Clears the bits that <paramref name="mask"/> lacks; returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong And(AtomicWord word, ulong mask) =>
        s_controlled ? And(word.Address, sizeof(ulong), mask) : Interlocked.And(ref *word.Pointer, mask);

    /// <summary>Sets the bits of <paramref name="mask"/>; returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Or(AtomicWord word, ulong mask) =>
        s_controlled ? Or(word.Address, sizeof(ulong), mask) : Interlocked.Or(ref *word.Pointer, mask);

    /// <summary>Loads the 32-bit word; unordered with other locations.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LoadRelaxed(AtomicInt word) =>
        s_controlled ? (uint)Load(word.Address, sizeof(uint), MemoryOrder.Relaxed) : Volatile.Read(ref *word.Pointer);

    /// <summary>Loads the 32-bit word; later operations stay after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint LoadAcquire(AtomicInt word) =>
        s_controlled ? (uint)Load(word.Address, sizeof(uint), MemoryOrder.Acquire) : Volatile.Read(ref *word.Pointer);

    /// <summary>Stores the 32-bit word; earlier operations stay before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreRelease(AtomicInt word, uint value)
    {
        if (s_controlled)
        {
            Store(word.Address, sizeof(uint), value, MemoryOrder.Release);
            return;
        }

        Volatile.Write(ref *word.Pointer, value);
    }

    /// <summary>Stores <paramref name="value"/> and returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Exchange(AtomicInt word, uint value) =>
        s_controlled ? (uint)Exchange(word.Address, sizeof(uint), value) : Interlocked.Exchange(ref *word.Pointer, value);

    /// <summary>Stores <paramref name="value"/> if the word holds <paramref name="comparand"/>; returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint CompareExchange(AtomicInt word, uint value, uint comparand) =>
        s_controlled
            ? (uint)CompareExchange(word.Address, sizeof(uint), value, comparand)
            : Interlocked.CompareExchange(ref *word.Pointer, value, comparand);

    /// <summary>Adds with wrap-around and returns the sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(AtomicInt word, uint value) =>
        s_controlled ? (uint)Add(word.Address, sizeof(uint), value) : Interlocked.Add(ref *word.Pointer, value);

    /// <summary>Clears the bits that <paramref name="mask"/> lacks; returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint And(AtomicInt word, uint mask) =>
        s_controlled ? (uint)And(word.Address, sizeof(uint), mask) : Interlocked.And(ref *word.Pointer, mask);

    /// <summary>Sets the bits of <paramref name="mask"/>; returns what was there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Or(AtomicInt word, uint mask) =>
        s_controlled ? (uint)Or(word.Address, sizeof(uint), mask) : Interlocked.Or(ref *word.Pointer, mask);

    /// <summary>Orders every earlier operation of the calling thread before every later one, loads after stores included.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void FullFence()
    {
        if (s_controlled && t_controller is { } controller)
        {
            controller.FullFence();
            return;
        }

        Interlocked.MemoryBarrier();
    }

    /// <summary>
    /// Makes every running thread of the process execute a full fence before the call returns: membarrier(2) on Linux,
    /// the part that an inter-processor interrupt has in a kernel.
    /// </summary>
    public static void ProcessWideFence()
    {
        if (s_controlled && t_controller is { } controller)
        {
            controller.ProcessWideFence();
            return;
        }

        Interlocked.MemoryBarrierProcessWide();
    }
}
