namespace TdpMmu.Engine.Tests.Rules;

/// <summary>What code that shares memory between threads must not use, because it would bypass the facade.</summary>
internal static class ForbiddenUses
{
    private static readonly HashSet<string> s_types = new(StringComparer.Ordinal)
    {
        "System.Threading.Interlocked", "System.Threading.Volatile", "System.Threading.Monitor", "System.Threading.Lock", "System.Threading.Thread",
        "System.Threading.SpinWait", "System.Threading.SpinLock", "System.Threading.Barrier", "System.Threading.CountdownEvent",
        "System.Threading.SemaphoreSlim", "System.Threading.Semaphore", "System.Threading.Mutex", "System.Threading.WaitHandle",
        "System.Threading.ManualResetEvent", "System.Threading.ManualResetEventSlim", "System.Threading.AutoResetEvent",
        "System.Threading.ReaderWriterLock", "System.Threading.ReaderWriterLockSlim", "System.Threading.LazyInitializer",
        "System.Threading.ThreadPool", "System.Threading.Timer", "System.Threading.PeriodicTimer", "System.Threading.Tasks.Parallel",
        "System.Runtime.CompilerServices.IsVolatile", "System.Lazy`1", "System.Random", "System.DateTime", "System.DateTimeOffset",
        "System.TimeProvider", "System.Diagnostics.Stopwatch",
        "TdpMmu.Concurrency.RawMemory", "TdpMmu.Concurrency.Futex",
    };

    private static readonly HashSet<string> s_members = new(StringComparer.Ordinal)
    {
        "System.Environment.get_TickCount", "System.Environment.get_TickCount64",
    };

    internal static bool IsForbiddenType(string name) =>
        s_types.Contains(name) || name.StartsWith("System.Collections.Concurrent.", StringComparison.Ordinal)
        || name.StartsWith("System.Threading.Lock.", StringComparison.Ordinal);

    internal static bool IsForbiddenMember(string name) => s_members.Contains(name);
}
