using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>
/// Threads that wait for the next run, because starting threads costs more than running a schedule, and the caller's own place among
/// them: it starts the first and waits until the last gives the baton back.
/// </summary>
/// <remarks>Used by one run at a time, from the thread that created it.</remarks>
internal sealed unsafe class BatonCrew
{
    private const int Polls = 30;

    // SAFETY: as in BatonThread.
    private readonly uint* _caller = (uint*)NativeMemory.AllocZeroed(NativeBlock.LineBytes);
    private readonly List<BatonThread> _threads = [];

    /// <summary>Creates a crew on one processor.</summary>
    internal BatonCrew(int processor) => Processor = processor;

    /// <summary>The processor that all threads share.</summary>
    internal int Processor { get; }

    /// <summary>The thread of this index, created when it is first asked for.</summary>
    internal BatonThread this[int index]
    {
        get
        {
            while (_threads.Count <= index)
            {
                _threads.Add(new BatonThread($"controlled {_threads.Count}", Processor));
            }

            return _threads[index];
        }
    }

    /// <summary>Passes the baton to a thread and waits until it comes back to the caller.</summary>
    /// <param name="first">Who gets it.</param>
    /// <param name="progress">A number that changes while the threads get on.</param>
    /// <param name="patience">After how long without a move it returns.</param>
    /// <returns>False when nothing has moved for so long: the thread that has the baton blocks.</returns>
    internal bool Run(BatonThread first, Func<long> progress, TimeSpan patience)
    {
        first.Resume();
        var seen = progress();
        var nanoseconds = Math.Max(1_000_000, (long)(patience.TotalNanoseconds / Polls));
        for (var left = Polls; Volatile.Read(ref *_caller) == 0;)
        {
            if (Futex.Wait(_caller, 0, nanoseconds))
            {
                continue;
            }

            var now = progress();
            left = now == seen ? left - 1 : Polls;
            seen = now;
            if (left == 0)
            {
                return false;
            }
        }

        Volatile.Write(ref *_caller, 0);
        return true;
    }

    /// <summary>Passes the baton back to the caller of <see cref="Run"/>; the thread that has it calls this last.</summary>
    internal void Return()
    {
        Volatile.Write(ref *_caller, 1);
        Futex.Wake(_caller, 1);
    }
}
