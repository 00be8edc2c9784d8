using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.MachineCode;

/// <summary>One small method per operation: what the compiler makes of each is what the tests read.</summary>
internal static class Probes
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeLoad(AtomicWord word) => Atomics.LoadAcquire(word);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint ProbeLoadInt(AtomicInt word) => Atomics.LoadRelaxed(word);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ProbeStore(AtomicWord word, ulong value) => Atomics.StoreRelease(word, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeExchange(AtomicWord word, ulong value) => Atomics.Exchange(word, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbePast(AtomicWord word, ulong value)
    {
        var past = Past.Begin();
        var before = Atomics.Exchange(word, value);
        past.Forget(before);
        return before;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeCompareExchange(AtomicWord word, ulong value, ulong comparand) => Atomics.CompareExchange(word, value, comparand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint ProbeCompareExchangeInt(AtomicInt word, uint value, uint comparand) => Atomics.CompareExchange(word, value, comparand);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeAdd(AtomicWord word, ulong value) => Atomics.Add(word, value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ProbeAnd(AtomicWord word, ulong mask) => Atomics.And(word, mask);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ProbeOr(AtomicWord word, ulong mask) => Atomics.Or(word, mask);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ProbeFence() => Atomics.FullFence();

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static uint ProbeLoadData(AtomicBytes location) => Atomics.LoadData<uint>(location);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ProbeStoreData(AtomicBytes location, ushort value) => Atomics.StoreData(location, value);

    /// <summary>Two access windows in a row: the shape that a compiler would like to merge.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeTwoWindows(AtomicWord window, AtomicWord request, AtomicBytes data)
    {
        Atomics.StoreRelease(window, 0x1111);
        var sum = Atomics.LoadAcquire(request);
        sum += Atomics.LoadData<ulong>(data);
        Atomics.StoreRelease(window, 0x2222);
        Atomics.StoreRelease(window, 0x3333);
        sum += Atomics.LoadAcquire(request);
        sum += Atomics.LoadData<ulong>(data);
        Atomics.StoreRelease(window, 0x4444);
        return sum;
    }

    /// <summary>A loop of windows in one long call, which reaches optimised code by on-stack replacement.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeWindowLoop(AtomicWord window, AtomicWord request, AtomicBytes data, long rounds)
    {
        var sum = 0UL;
        for (var round = 0L; round < rounds; round++)
        {
            Atomics.StoreRelease(window, 0x5555);
            if (Atomics.LoadAcquire(request) != 0)
            {
                break;
            }

            sum += Atomics.LoadData<ulong>(data);
            Atomics.StoreRelease(window, 0x6666);
        }

        return sum;
    }

    /// <summary>Every operation in one loop.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ProbeMixedLoop(AtomicWord word, AtomicInt small, long rounds)
    {
        var sum = 0UL;
        for (var round = 0L; round < rounds; round++)
        {
            sum += Atomics.CompareExchange(word, sum, 1);
            sum += Atomics.Exchange(word, 2);
            sum += Atomics.Add(word, 3);
            sum += Atomics.CompareExchange(small, 4, 5);
            Atomics.FullFence();
            sum += Atomics.LoadRelaxed(word);
            Atomics.StoreRelaxed(word, sum);
        }

        return sum;
    }
}
