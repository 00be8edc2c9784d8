namespace TdpMmu.Concurrency;

/// <summary>
/// Lets only as many vCPU threads run guest code as there are processors; the others are parked outside their windows, so
/// that nobody who waits for a window waits for a scheduling round.
/// </summary>
/// <remarks>
/// <para>Each processor has one permit, and vCPU <c>v</c> uses that of processor <c>v mod permits</c>, in turn with the other
/// vCPUs that are placed there. A permit passes on when its holder ends, when it has been used for a quantum while others
/// wait, and when its holder stays in one blocking operation for longer than a tick: short ones (a page that a handler on the
/// same processor delivers) keep the permit, because parking and waking twice costs more than they take.</para>
/// <para>Thread-safe; each vCPU's methods are called by its own thread. With no more vCPUs than permits every method
/// returns at once. The monitor thread exists from <see cref="Start"/> to <see cref="Dispose"/>.</para>
/// </remarks>
public sealed class RunPermits : IDisposable
{
    /// <summary>The time after which a running vCPU passes its permit on, in nanoseconds.</summary>
    public const long QuantumNanoseconds = 5_000_000;

    private const uint Idle = 0;
    private const uint Waiting = 1;
    private const uint Running = 2;
    private const uint Blocked = 3;
    private const uint Retaken = 4;
    private const long ShortestTick = 100_000;
    private const long LongestTick = 2_000_000;
    private const long IdleTick = 10_000_000;

    private readonly ParticipantTable _participants;
    private readonly Processor[] _processors;
    private readonly NativeBlock _lines;
    private readonly int[] _nested;
    private ControlledThread? _monitor;

    /// <summary>Creates the permits of a machine.</summary>
    /// <param name="participants">Whose vCPUs share them.</param>
    /// <param name="permits">How many vCPUs may run at a time; at least 1.</param>
    public RunPermits(ParticipantTable participants, int permits)
    {
        ArgumentNullException.ThrowIfNull(participants);
        ArgumentOutOfRangeException.ThrowIfLessThan(permits, 1);
        _participants = participants;
        Count = permits;
        _nested = new int[participants.VcpuCount];
        _lines = new NativeBlock((nuint)(permits + 1) * NativeBlock.LineBytes);
        _processors = new Processor[permits];
        for (var index = 0; index < permits; index++)
        {
            var vcpus = (participants.VcpuCount + permits - 1 - index) / permits;
            _processors[index] = new Processor(_lines, index, vcpus);
        }
    }

    /// <summary>How many vCPUs may run at a time.</summary>
    public int Count { get; }

    /// <summary>Whether there are more vCPUs than permits, so that they take turns.</summary>
    public bool IsActive => _participants.VcpuCount > Count;

    private AtomicInt StopSignal => _lines.Int((nuint)Count * NativeBlock.LineBytes);

    /// <summary>Starts passing permits on. Called once, before the first vCPU runs.</summary>
    public void Start()
    {
        if (IsActive && _monitor is null)
        {
            _monitor = Atomics.StartThread("run permits", Monitor);
        }
    }

    /// <summary>Waits for the vCPU's turn to run guest code.</summary>
    /// <param name="vcpu">The calling vCPU.</param>
    public void Acquire(int vcpu)
    {
        if (!IsActive)
        {
            return;
        }

        var processor = _processors[vcpu % Count];
        var state = _participants.PermitState(vcpu);
        processor.Gate.Enter();
        if (processor.Holder < 0)
        {
            processor.Holder = vcpu;
            Atomics.StoreRelease(state, Running);
            processor.Gate.Exit();
            return;
        }

        Atomics.StoreRelease(state, Waiting);
        processor.Enqueue(vcpu);
        processor.Gate.Exit();
        while (Atomics.LoadAcquire(state) == Waiting)
        {
            Atomics.Park(state, Waiting);
        }
    }

    /// <summary>Gives the vCPU's permit to the next in line.</summary>
    /// <param name="vcpu">The calling vCPU, which holds a permit.</param>
    public void Release(int vcpu)
    {
        if (IsActive)
        {
            var processor = _processors[vcpu % Count];
            processor.Gate.Enter();
            Atomics.StoreRelease(_participants.PermitState(vcpu), Idle);
            PassOn(processor);
            processor.Gate.Exit();
        }
    }

    /// <summary>Announces an operation that may block. The permit may be taken away until <see cref="EndBlocking"/>. May nest.</summary>
    /// <param name="vcpu">The calling vCPU, outside windows and sections.</param>
    public void BeginBlocking(int vcpu)
    {
        if (IsActive)
        {
            if (Atomics.LoadRelaxed(_participants.PermitState(vcpu)) != Running)
            {
                _nested[vcpu]++;
                return;
            }

            var counter = _participants.Blocking(vcpu);
            Atomics.StoreRelaxed(counter, Atomics.LoadRelaxed(counter) + 1);
            Atomics.StoreRelease(_participants.PermitState(vcpu), Blocked);
        }
    }

    /// <summary>Ends the operation; waits for a turn if the permit was taken away.</summary>
    /// <param name="vcpu">The calling vCPU.</param>
    public void EndBlocking(int vcpu)
    {
        if (IsActive && _nested[vcpu] != 0)
        {
            _nested[vcpu]--;
            return;
        }

        // Losing this exchange means that the monitor took the permit: the vCPU queues up again.
        if (IsActive && Atomics.CompareExchange(_participants.PermitState(vcpu), Running, Blocked) != Blocked)
        {
            Acquire(vcpu);
        }
    }

    /// <summary>Lets the next vCPU run if the quantum is over. Called outside windows and sections when a request was seen.</summary>
    /// <param name="vcpu">The calling vCPU.</param>
    public void YieldIfAsked(int vcpu)
    {
        if (!IsActive)
        {
            return;
        }

        var processor = _processors[vcpu % Count];
        if (Atomics.LoadRelaxed(processor.YieldAsked) == (uint)vcpu + 1)
        {
            // Inside a blocking operation the permit is not this vCPU's to give: its end decides whether it still is.
            if (Atomics.LoadRelaxed(_participants.PermitState(vcpu)) != Running)
            {
                return;
            }

            Atomics.CompareExchange(processor.YieldAsked, 0, (uint)vcpu + 1);
            Release(vcpu);
            Acquire(vcpu);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_monitor is { } monitor)
        {
            Atomics.StoreRelease(StopSignal, 1);
            Atomics.Wake(StopSignal, 1);
            monitor.Join();
            _monitor = null;
        }

        _lines.Dispose();
    }

    // Called with the gate held.
    private void PassOn(Processor processor)
    {
        processor.Holder = processor.Dequeue();
        if (processor.Holder >= 0)
        {
            var state = _participants.PermitState(processor.Holder);
            Atomics.StoreRelease(state, Running);
            Atomics.Wake(state, 1);
        }
    }

    private void Monitor()
    {
        var tick = LongestTick / 2;
        while (Atomics.LoadAcquire(StopSignal) == 0)
        {
            Atomics.Park(StopSignal, 0, tick);
            var retook = false;
            var waiters = false;
            foreach (var processor in _processors)
            {
                retook |= Inspect(processor, tick, ref waiters);
            }

            tick = retook ? ShortestTick : Math.Min(tick * 2, waiters ? LongestTick : IdleTick);
        }
    }

    private bool Inspect(Processor processor, long elapsed, ref bool waiters)
    {
        processor.Gate.Enter();
        waiters |= processor.HasWaiters;
        var retook = false;
        var holder = processor.Holder;
        if (holder >= 0 && processor.HasWaiters)
        {
            var state = _participants.PermitState(holder);
            var blocking = Atomics.LoadRelaxed(_participants.Blocking(holder));
            if (processor.SeenHolder != holder)
            {
                processor.Observe(holder, blocking);
            }
            else if (Atomics.LoadAcquire(state) == Blocked && processor.SeenBlocking == blocking)
            {
                // The same operation as a tick ago. The holder may end it right now: then this exchange loses and it keeps running.
                if (Atomics.CompareExchange(state, Retaken, Blocked) == Blocked)
                {
                    PassOn(processor);
                    retook = true;
                }
            }
            else
            {
                processor.SeenBlocking = blocking;
                processor.HeldNanoseconds += elapsed;
                if (processor.HeldNanoseconds >= QuantumNanoseconds)
                {
                    processor.HeldNanoseconds = 0;
                    Atomics.StoreRelease(processor.YieldAsked, (uint)holder + 1);
                    Atomics.Add(_participants.Request(holder), 1);
                }
            }
        }

        processor.Gate.Exit();
        return retook;
    }

    /// <summary>One processor's permit. Everything but the gate and the yield word is protected by the gate.</summary>
    private sealed class Processor
    {
        private readonly int[] _queue;
        private int _head;
        private int _count;

        internal Processor(NativeBlock lines, int index, int vcpus)
        {
            var line = (nuint)index * NativeBlock.LineBytes;
            Gate = new ParkingLock(lines.Int(line));
            YieldAsked = lines.Int(line + sizeof(ulong));
            _queue = new int[Math.Max(vcpus, 1)];
        }

        internal ParkingLock Gate { get; }

        internal AtomicInt YieldAsked { get; }

        internal int Holder { get; set; } = -1;

        internal int SeenHolder { get; private set; } = -1;

        internal ulong SeenBlocking { get; set; }

        internal long HeldNanoseconds { get; set; }

        internal bool HasWaiters => _count != 0;

        internal void Observe(int holder, ulong blocking)
        {
            SeenHolder = holder;
            SeenBlocking = blocking;
            HeldNanoseconds = 0;
        }

        internal void Enqueue(int vcpu)
        {
            _queue[(_head + _count) % _queue.Length] = vcpu;
            _count++;
        }

        internal int Dequeue()
        {
            if (_count == 0)
            {
                return -1;
            }

            var vcpu = _queue[_head];
            _head = (_head + 1) % _queue.Length;
            _count--;
            return vcpu;
        }
    }
}
