using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace TdpMmu.Engine.Tests.Rules;

/// <summary>One violation per method, which the scanner must find.</summary>
internal sealed class PlantedViolations
{
#pragma warning disable MA0158 // The old form of a lock is one of the things planted.
    private readonly object _gate = new();
#pragma warning restore MA0158
    private readonly Lock _lock = new();
    private volatile int _flag;
    private int _count;

    internal void LockStatement()
    {
        lock (_gate)
        {
            _count++;
        }
    }

    internal void LockObject()
    {
        lock (_lock)
        {
            _count++;
        }
    }

    internal int VolatileField() => _flag;

    internal void SetVolatileField(int value) => _flag = value;

    internal void InterlockedCall() => Interlocked.Increment(ref _count);

    internal int VolatileCall() => Volatile.Read(ref _count);

    internal void Barrier() => Thread.MemoryBarrier();

    internal void Spin() => new SpinWait().SpinOnce();

    [MethodImpl(MethodImplOptions.Synchronized)]
    internal void Synchronized() => _count++;

    internal int LazyValue() => new Lazy<int>(() => _count).Value;

    internal void Concurrent(ConcurrentDictionary<int, int> map) => map.TryAdd(_count, 1);

    internal long Clock() => Stopwatch.GetTimestamp() + _count;

    internal int RandomNumber() => Random.Shared.Next() + _count;

    internal long Date() => DateTime.UtcNow.Ticks + _count;

    internal int Ticks() => Environment.TickCount + _count;

    internal int InClosure()
    {
        Func<int> closure = () => Interlocked.Increment(ref _count);
        return closure();
    }

    internal Type TypeToken() => _count == 0 ? typeof(ManualResetEvent) : typeof(int);

    internal ulong RawMemory(nint address) => TdpMmu.Concurrency.RawMemory.Load(address, 8) + (ulong)_count;
}
