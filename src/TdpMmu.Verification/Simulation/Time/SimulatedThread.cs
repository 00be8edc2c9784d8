using System.Runtime.ExceptionServices;
using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification.Simulation;

/// <summary>A thread with a simulated processor of its own. Only the thread that holds the baton touches any of them.</summary>
internal sealed class SimulatedThread : ControlledThread
{
    private const ulong Steps = 1 << 20;

    private readonly VirtualTimeController _controller;
    private readonly SeededSequence _chance;

    internal SimulatedThread(VirtualTimeController controller, int index, int processor, string name, BatonThread baton)
    {
        _controller = controller;
        Index = index;
        _chance = new SeededSequence(controller.Seed + (ulong)index);
        Name = name;
        Baton = baton;
        Socket = controller.Machine.SocketOf(processor);
        Core = controller.Machine.CoreOf(processor);
        Cluster = controller.Machine.ClusterOf(processor);
        SocketBit = 1UL << Math.Min(Socket, 63);
    }

    internal int Index { get; }

    internal string Name { get; }

    internal BatonThread Baton { get; }

    /// <summary>The socket of its processor.</summary>
    internal int Socket { get; }

    /// <summary>The core of its processor, numbered over all sockets.</summary>
    internal int Core { get; }

    /// <summary>The last-level cache of its processor, numbered over all sockets.</summary>
    internal int Cluster { get; }

    internal ulong SocketBit { get; }

    /// <summary>The processor's time in picoseconds.</summary>
    internal long Clock { get; set; }

    /// <summary>When the thread is to go on: its clock, or the end of a timed wait.</summary>
    internal long Due { get; set; }

    /// <summary>Its place in the queue, or -1.</summary>
    internal int Place { get; set; } = -1;

    /// <summary>The word that it waits for, or 0.</summary>
    internal nint Word { get; set; }

    /// <summary>The value of that word which means "keep waiting", for threads that watch.</summary>
    internal ulong Observed { get; set; }

    internal bool TimedOut { get; set; }

    internal bool IsDone { get; set; }

    internal ExceptionDispatchInfo? Failure { get; set; }

    internal List<SimulatedThread> Joiners { get; } = [];

    /// <summary>Lines that came from another processor, in the measured part of the run.</summary>
    internal long Transfers { get; set; }

    /// <summary>Time for such lines, waiting included, in picoseconds.</summary>
    internal long TransferTime { get; set; }

    /// <summary>Process-wide fences and their interrupts, in picoseconds.</summary>
    internal long InterruptTime { get; set; }

    /// <summary>Time in the host, its lock included, in picoseconds.</summary>
    internal long HostTime { get; set; }

    /// <summary>A time that is as often longer as shorter than <paramref name="time"/>, by up to a fraction of it.</summary>
    internal long Vary(long time, double fraction) =>
        fraction == 0 ? time : time + (long)(time * fraction * ((_chance.Below(2 * Steps) / (double)Steps) - 1));

    public override bool Join(TimeSpan timeout) => _controller.Join(this);
}
