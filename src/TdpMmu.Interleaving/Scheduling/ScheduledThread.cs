using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>A thread of the explored program: what it is about to do, and its store buffer.</summary>
internal sealed class ScheduledThread : ControlledThread
{
    /// <summary>Threads that a program may have.</summary>
    internal const int Most = 8;

    private const int RememberedReads = 32;

    private readonly SchedulingController _controller;
    private readonly (nint Address, int Size, ulong Value)[] _reads = new (nint, int, ulong)[RememberedReads];
    private int _readCount;

    internal ScheduledThread(SchedulingController controller, int id, string name, Action body, BatonThread baton)
    {
        _controller = controller;
        Id = id;
        Name = name;
        Body = body;
        Baton = baton;
    }

    internal int Id { get; }

    internal string Name { get; }

    internal Action Body { get; }

    internal BatonThread Baton { get; }

    internal StoreBuffer Buffer { get; } = new();

    /// <summary>What the thread does when it is chosen.</summary>
    internal OperationKind Kind { get; set; }

    internal nint Address { get; set; }

    internal int Size { get; set; }

    /// <summary>Whether the operation touches memory that others use; a fence on private memory does not.</summary>
    internal bool TouchesMemory { get; set; }

    /// <summary>The value that a wait outwaits.</summary>
    internal ulong Expected { get; set; }

    /// <summary>When a wait gives up, or <see cref="long.MaxValue"/>.</summary>
    internal long Deadline { get; set; } = long.MaxValue;

    /// <summary>Whether the operation is a compare-and-exchange, which writes only if it finds <see cref="Expected"/>.</summary>
    internal bool IsCompare { get; set; }

    /// <summary>Whether the thread looked at the clock since it last spun: then time that passes ends its wait.</summary>
    internal bool HasReadClock { get; set; }

    /// <summary>How long its next spin lasts if nothing happens, in nanoseconds.</summary>
    internal long SpinPatience { get; set; } = 1_000;

    /// <summary>Whether the wait gives up at some time.</summary>
    internal bool HasLimit { get; set; }

    /// <summary>Whether the thread has not written the word that it waits for, so that it sees what is in memory.</summary>
    internal bool IsWaitOnOthers { get; set; }

    /// <summary>What decides what the thread does before it has taken a step.</summary>
    internal ulong Origin { get; init; }

    /// <summary>A hash of all that its steps have told it; 0 before the first.</summary>
    internal ulong Knowledge { get; set; }

    /// <summary>By how much the hash of memory that nobody else uses was changed by the thread.</summary>
    internal ulong PrivateMemory { get; set; }

    /// <summary><see cref="Knowledge"/> as it was after the last step, before anything was forgotten.</summary>
    internal ulong Told { get; set; }

    /// <summary>How many stores had gone to the buffer before that step.</summary>
    internal int StoresBefore { get; set; }

    /// <summary>What the thread adds to the hash of the state that was asked for last.</summary>
    internal ulong StateHash { get; set; }

    /// <summary>What the operation stores, or what <see cref="Function"/> makes of memory with it; of a wake-up how many to wake.</summary>
    internal ulong Operand { get; set; }

    /// <summary>What a locked operation makes of the value in memory and of its operand; null for a compare-and-exchange.</summary>
    internal Func<ulong, ulong, ulong>? Function { get; set; }

    internal bool IsWoken { get; set; }

    /// <summary>The event that woke it.</summary>
    internal int WokenBy { get; set; }

    internal bool IsTimedOut { get; set; }

    internal ScheduledThread? Joined { get; set; }

    /// <summary>Whether the operation that was announced last was a scheduling point.</summary>
    internal bool IsPoint { get; set; }

    /// <summary>The order in which threads parked.</summary>
    internal long ParkNumber { get; set; }

    /// <summary>Whether the thread exists but its creation is not over.</summary>
    internal bool IsHeldBack { get; set; }

    internal bool IsFinished { get; set; }

    internal bool IsUnwinding { get; set; }

    /// <summary>Index of the thread's last event, or -1.</summary>
    internal int LastEvent { get; set; } = -1;

    /// <summary>How many steps it has taken, those of its buffer not included.</summary>
    internal int Steps { get; set; }

    /// <summary>Indices of the events of its buffer: one for each store that reached memory from there.</summary>
    internal List<int> Flushes { get; } = [];

    /// <summary>For each store that went to its buffer how many steps the thread had taken before.</summary>
    internal List<int> StoresAfter { get; } = [];

    /// <summary>The last of <see cref="Flushes"/>, or -1.</summary>
    internal int LastFlush => Flushes.Count == 0 ? -1 : Flushes[^1];

    /// <summary>For each thread how many of its stores come before the process-wide fence of this one that is under way.</summary>
    internal int[] Awaited { get; set; } = [];

    /// <summary>What it read since it last spun: the newest, if there was much.</summary>
    internal ReadOnlySpan<(nint Address, int Size, ulong Value)> Reads => _reads.AsSpan(0, Math.Min(_readCount, RememberedReads));

    /// <summary>Whether something that the thread read since it last spun has changed, in its own eyes.</summary>
    internal bool SeesChange
    {
        get
        {
            foreach (var (address, size, value) in Reads)
            {
                if (Buffer.Load(address, size) != value)
                {
                    return true;
                }
            }

            return false;
        }
    }

    public override bool Join(TimeSpan timeout) => _controller.Join(this, timeout);

    /// <summary>Remembers what was read: a thread that spins waits for a change of it.</summary>
    internal void NoteRead(nint address, int size, ulong value)
    {
        _reads[_readCount & (RememberedReads - 1)] = (address, size, value);
        _readCount = _readCount == int.MaxValue ? RememberedReads : _readCount + 1;
    }

    internal void ForgetReads() => _readCount = 0;

    /// <summary>What the end of its next spin depends on.</summary>
    internal SpinMemory SpinMemory
    {
        get => new([.. Reads], HasReadClock, SpinPatience);
        set
        {
            value.Reads.CopyTo(_reads, 0);
            _readCount = value.Reads.Length;
            HasReadClock = value.HasReadClock;
            SpinPatience = value.SpinPatience;
        }
    }
}
