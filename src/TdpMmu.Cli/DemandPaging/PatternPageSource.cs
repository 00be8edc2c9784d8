namespace TdpMmu.Cli.DemandPaging;

/// <summary>Delivers each page's pattern, and counts what the threads that ask for pages allocate.</summary>
/// <remarks>
/// A handler thread is not this tool's, but it calls in for every page: the growth of its allocation counter from its first page on
/// is everything that the handling of a page allocates. What a thread's first use of code allocates once stays out of it.
/// </remarks>
internal sealed class PatternPageSource : IPageSource
{
    [ThreadStatic]
    private static HandlerAllocation? t_current;

    private readonly Lock _lock = new();
    private readonly List<HandlerAllocation> _threads = [];

    /// <summary>Managed bytes that the calling threads allocated, summed over them.</summary>
    public long AllocatedBytes
    {
        get
        {
            lock (_lock)
            {
                return _threads.Sum(static thread => Volatile.Read(ref thread.Last) - thread.First);
            }
        }
    }

    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken)
    {
        PagePattern.Fill(pageIndex, destination);
        HandlerAllocation? thread = t_current;
        if (thread is null || thread.Owner != this)
        {
            Register();
            return;
        }

        Volatile.Write(ref thread.Last, GC.GetAllocatedBytesForCurrentThread());
    }

    private void Register()
    {
        var thread = new HandlerAllocation { Owner = this };
        t_current = thread;
        lock (_lock)
        {
            _threads.Add(thread);
        }

        // Read last, so that registering does not count itself.
        thread.First = GC.GetAllocatedBytesForCurrentThread();
        Volatile.Write(ref thread.Last, thread.First);
    }

    private sealed class HandlerAllocation
    {
        public required PatternPageSource Owner { get; init; }

        public long First;
        public long Last;
    }
}
