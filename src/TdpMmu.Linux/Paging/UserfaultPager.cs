namespace TdpMmu.Linux;

/// <summary>
/// Serves the page faults of a <see cref="MappedMemory"/> through userfaultfd: a thread that populates a missing page waits in the kernel until a
/// handler thread has fetched the page's contents.
/// <para>
/// A page that cannot be supplied is poisoned, never zero: waiters see <see cref="PageState.Poisoned"/>, and the host mapping refuses access where the
/// kernel can (Linux 6.6 or later). Disposing poisons all pages that are still missing.
/// </para>
/// <para>Thread-safe. The handlers are foreground threads: dispose the pager (or its memory), or the process does not end.</para>
/// </summary>
public sealed class UserfaultPager : IDisposable
{
    private readonly List<UserfaultHandler> _handlers = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Exception? _failure;
    private Exception? _sourceFailure;
    private int _disposed;

    private UserfaultPager(MappedMemory memory, UserfaultMode mode, IPageSource source)
    {
        Memory = memory;
        Mode = mode;
        Source = source;
    }

    /// <summary>
    /// Raised once per handler that fails, on that handler's thread, after its missing pages have been poisoned. What a subscriber throws ends the
    /// process.
    /// </summary>
    public event EventHandler<UserfaultFailureEventArgs>? Failed;

    /// <summary>The memory that is served.</summary>
    public MappedMemory Memory { get; }

    /// <summary>Copy or continue.</summary>
    public UserfaultMode Mode { get; }

    /// <summary>Where page contents come from.</summary>
    public IPageSource Source { get; }

    internal IReadOnlyList<UserfaultHandler> Handlers => _handlers;

    /// <summary>Handler threads, and with them descriptors.</summary>
    public int HandlerCount => _handlers.Count;

    /// <summary>What ended the first handler that failed, or <see langword="null"/> while all is well.</summary>
    public Exception? Failure => Volatile.Read(ref _failure);

    /// <summary>The first exception that the source threw, or <see langword="null"/>. It costs only the page that was asked for.</summary>
    public Exception? SourceFailure => Volatile.Read(ref _sourceFailure);

    /// <summary>Registers the memory and starts the handlers.</summary>
    /// <exception cref="ArgumentException">The options do not go with the memory.</exception>
    /// <exception cref="InvalidOperationException">The memory already has a pager.</exception>
    /// <exception cref="HostMemoryException">userfaultfd is not permitted or not there; the message says what to change.</exception>
    public static UserfaultPager Start(MappedMemory memory, UserfaultPagerOptions options)
    {
        ArgumentNullException.ThrowIfNull(memory);
        ArgumentNullException.ThrowIfNull(options);
        IPageSource source = Validate(memory, options);
        var pager = new UserfaultPager(memory, options.Mode, source);
        memory.Attach(pager);
        try
        {
            pager.Open(options);
        }
        catch
        {
            pager.Abort();
            throw;
        }

        memory.BeginService();
        try
        {
            foreach (UserfaultHandler handler in pager._handlers)
            {
                handler.Start();
            }
        }
        catch
        {
            pager.Dispose();
            throw;
        }

        return pager;
    }

    /// <summary>What the handlers did so far. Stays readable after disposal.</summary>
    public UserfaultPagerStatistics GetStatistics()
    {
        UserfaultPagerStatistics sum = default;
        foreach (UserfaultHandler handler in _handlers)
        {
            sum = sum.Plus(handler.Statistics);
        }

        return sum;
    }

    /// <summary>
    /// Stops the handlers, poisons what is still missing, lets the waiters out and only then closes the descriptors. Waits for a source that is
    /// fetching to heed its token.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called on a handler's thread, by the source or by a subscriber of <see cref="Failed"/>.</exception>
    public void Dispose()
    {
        if (_handlers.Exists(handler => handler.IsCurrentThread))
        {
            throw new InvalidOperationException("A userfault pager cannot be disposed on one of its handler threads, which it waits for.");
        }

        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            _released.Task.GetAwaiter().GetResult();
            return;
        }

        Memory.EndService("its userfault pager is disposed");
        _stopping.Cancel();
        foreach (UserfaultHandler handler in _handlers)
        {
            handler.RequestStop();
        }

        foreach (UserfaultHandler handler in _handlers)
        {
            handler.Join();
        }

        foreach (UserfaultHandler handler in _handlers)
        {
            handler.LoseMissingPages();
            handler.Unregister();
        }

        Release();
    }

    internal void ReportSourceFailure(Exception failure) => Interlocked.CompareExchange(ref _sourceFailure, failure, null);

    internal void ReportFailure(int region, Exception failure)
    {
        Interlocked.CompareExchange(ref _failure, failure, null);
        Failed?.Invoke(this, new UserfaultFailureEventArgs(region, failure));
    }

    private static IPageSource Validate(MappedMemory memory, UserfaultPagerOptions options)
    {
        if (memory.Filling != PageFilling.Userfault)
        {
            throw new ArgumentException($"A userfault pager serves memory whose filling is {PageFilling.Userfault}, not {memory.Filling}.", nameof(memory));
        }

        if (!Enum.IsDefined(options.Mode))
        {
            throw new ArgumentException($"{options.Mode} is not a userfault mode.", nameof(options));
        }

        if (options.Mode == UserfaultMode.Minor && memory.Backing != MemoryBacking.SharedMemfd)
        {
            throw new ArgumentException($"Minor faults need {MemoryBacking.SharedMemfd} memory, not {memory.Backing}.", nameof(options));
        }

        if (options.Mode == UserfaultMode.Missing && memory.PopulatedAtCreation)
        {
            throw new ArgumentException("Pages that were populated at creation raise minor faults only.", nameof(options));
        }

        int handlers = options.SharedDescriptor ? 1 : options.Regions;
        if (options.Regions < 1 || (ulong)options.Regions > memory.States.PageCount)
        {
            throw new ArgumentException($"A memory of {memory.States.PageCount} pages has from 1 to as many regions, not {options.Regions}.", nameof(options));
        }

        if (options.CpuOfHandler is { } cpus && cpus.Count != handlers)
        {
            throw new ArgumentException($"CPUs are named for {cpus.Count} handlers, but there are {handlers}.", nameof(options));
        }

        return options.Source ?? memory.Source ?? throw new ArgumentException("Neither the options nor the memory name a page source.", nameof(options));
    }

    private void Open(UserfaultPagerOptions options)
    {
        UserfaultFeatures required = Mode == UserfaultMode.Minor
            ? UserfaultFeatures.MinorShared | UserfaultFeatures.MissingShared
            : Memory.Backing == MemoryBacking.SharedMemfd ? UserfaultFeatures.MissingShared : UserfaultFeatures.None;

        // A hole of the memory file raises no minor fault: without the missing mode the kernel would fill it with zeros.
        UserfaultRegistration registration = Mode == UserfaultMode.Minor
            ? UserfaultRegistration.Minor | UserfaultRegistration.Missing
            : UserfaultRegistration.Missing;

        int count = options.SharedDescriptor ? 1 : options.Regions;
        IReadOnlyList<int> usable = CpuAffinity.UsableCpus;
        for (int region = 0; region < count; region++)
        {
            ulong first = FirstPage(region, count);
            ulong pages = FirstPage(region + 1, count) - first;
            int cpu = options.CpuOfHandler?[region] ?? usable[region % usable.Count];
            Userfaultfd descriptor = Userfaultfd.Open(required, options.WithoutPoison ? UserfaultFeatures.None : UserfaultFeatures.Poison);
            try
            {
                descriptor.Register(Memory.BaseAddress.Value + (first * PageGeometry.PageSize), pages * PageGeometry.PageSize, registration);
                _handlers.Add(new UserfaultHandler(this, region, first, pages, cpu, descriptor, _stopping.Token));
            }
            catch
            {
                descriptor.Dispose();
                throw;
            }
        }
    }

    private ulong FirstPage(int region, int count) => (ulong)((UInt128)Memory.States.PageCount * (uint)region / (uint)count);

    /// <summary>Undoes an incomplete start: no thread runs and no page was served, so the memory is as it was before.</summary>
    private void Abort()
    {
        Volatile.Write(ref _disposed, 1);
        Release();
    }

    private void Release()
    {
        foreach (UserfaultHandler handler in _handlers)
        {
            handler.Dispose();
        }

        Memory.Detach(this);
        _stopping.Dispose();
        _released.SetResult();
    }
}
