using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>
/// An operating-system thread that runs one body after another, and only while it holds the baton. All threads of a crew share one
/// processor: only one runs at a time, and a hand-over on one processor costs a third of one across two.
/// </summary>
internal sealed unsafe class BatonThread
{
    // SAFETY: the word is a line of its own that is never freed: the thread lives as long as the process.
    private readonly uint* _baton = (uint*)NativeMemory.AllocZeroed(NativeBlock.LineBytes);
    private readonly int _processor;
    private Action? _body;

    internal BatonThread(string name, int processor)
    {
        _processor = processor;
        new Thread(Loop, 1 << 20) { Name = name, IsBackground = true }.Start();
    }

    /// <summary>Says what the thread runs when it is resumed the next time, while it runs nothing.</summary>
    internal void Assign(Action body) => _body = body;

    /// <summary>Passes the baton to the thread. The caller goes on until it waits itself.</summary>
    internal void Resume()
    {
        Volatile.Write(ref *_baton, 1);
        Futex.Wake(_baton, 1);
    }

    /// <summary>Waits, on this thread, until it is resumed.</summary>
    internal void Await()
    {
        while (Volatile.Read(ref *_baton) == 0)
        {
            Futex.Wait(_baton, 0, -1);
        }

        Volatile.Write(ref *_baton, 0);
    }

    private void Loop()
    {
        ProcessorAffinity.Pin(_processor);
        while (true)
        {
            Await();
            _body!();
        }
    }
}
