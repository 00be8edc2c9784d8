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
    private const long PollNanoseconds = 1_000_000_000;
    private const int Patience = 30;

    // SAFETY: as in BatonThread.
    private readonly uint* _caller = (uint*)NativeMemory.AllocZeroed(NativeBlock.LineBytes);
    private readonly List<BatonThread> _threads = [];

    /// <summary>Creates a crew on one processor and pins the calling thread to it.</summary>
    internal BatonCrew(int processor)
    {
        Processor = processor;
        ProcessorAffinity.Pin(processor);
    }

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

    /// <summary>Replaces a thread that will not come back from what it runs.</summary>
    internal void Abandon(int index) => _threads[index] = new BatonThread($"controlled {index}", Processor);

    /// <summary>Passes the baton to a thread and waits until it comes back to the caller.</summary>
    /// <param name="first">Who gets it.</param>
    /// <param name="progress">A number that changes while the threads get on.</param>
    /// <returns>False when nothing has moved for a long time: the thread that has the baton blocks.</returns>
    internal bool Run(BatonThread first, Func<long> progress)
    {
        first.Resume();
        var seen = progress();
        for (var patience = Patience; Volatile.Read(ref *_caller) == 0;)
        {
            if (Futex.Wait(_caller, 0, PollNanoseconds))
            {
                continue;
            }

            var now = progress();
            patience = now == seen ? patience - 1 : Patience;
            seen = now;
            if (patience == 0)
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
