using System.Collections.Concurrent;

namespace TdpMmu.Interleaving.Tests;

/// <summary>Workers that wait for the next run, because starting threads would cost more than running a schedule.</summary>
internal static class WorkerPool
{
    private static readonly ConcurrentBag<Worker> s_idle = [];
    private static int s_count;

    internal static Worker Rent() => s_idle.TryTake(out var worker) ? worker : new Worker($"controlled {Interlocked.Increment(ref s_count)}");

    internal static void Return(Worker worker) => s_idle.Add(worker);
}
