using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests;

/// <summary>A thread of the program under test: where it stands and what it waits for.</summary>
internal sealed class LogicalThread : ControlledThread
{
    private readonly SeededController _controller;

    internal LogicalThread(SeededController controller, int id, string name, Action body, Worker worker)
    {
        _controller = controller;
        Id = id;
        Name = name;
        Body = body;
        Worker = worker;
    }

    internal int Id { get; }

    internal string Name { get; }

    internal Action Body { get; }

    internal Worker Worker { get; }

    internal StoreBuffer Buffer { get; } = new();

    internal LogicalThreadState State { get; set; }

    /// <summary>The location that it is parked on or watches.</summary>
    internal nint Address { get; set; }

    /// <summary>The value to outwait, or the memory version since which it spins.</summary>
    internal ulong Observed { get; set; }

    /// <summary>The time at which a parked thread gives up, or <see cref="long.MaxValue"/>.</summary>
    internal long Deadline { get; set; } = long.MaxValue;

    internal LogicalThread? Joined { get; set; }

    /// <summary>Operations that the thread performs without interruption before others run again.</summary>
    internal int Burst { get; set; }

    internal bool Unwinding { get; set; }

    public override bool Join(TimeSpan timeout) => _controller.Join(this, timeout);

    public override string ToString() => $"{Name} ({State})";
}
