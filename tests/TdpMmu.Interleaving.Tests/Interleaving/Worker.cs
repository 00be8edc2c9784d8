using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests;

/// <summary>
/// An operating-system thread that runs logical threads one after another, and the baton by which it is resumed. All workers
/// share one processor: only one runs at a time, and a hand-over on one processor costs a third of one across two.
/// </summary>
internal sealed unsafe partial class Worker
{
    // SAFETY: the word is never freed, because a worker lives as long as the process.
    private readonly uint* _baton = (uint*)NativeMemory.AllocZeroed(sizeof(uint));
    private Action? _work;

    internal Worker(string name)
    {
        var thread = new Thread(Loop) { Name = name, IsBackground = true };
        thread.Start();
    }

    internal void Assign(Action work) => _work = work;

    internal void Resume()
    {
        // SAFETY: the word belongs to this worker and is only touched here and in WaitForBaton.
        Interlocked.Exchange(ref *_baton, 1);
        Futex.Wake(_baton, 1);
    }

    internal void WaitForBaton()
    {
        while (Interlocked.Exchange(ref *_baton, 0) == 0)
        {
            Futex.Wait(_baton, 0, -1);
        }
    }

    private static void PinToFirstProcessor()
    {
        if (OperatingSystem.IsLinux())
        {
            // SAFETY: the kernel reads and writes at most the size of the mask, which lies on this frame.
            const int Words = 16;
            var mask = stackalloc ulong[Words];
            if (GetAffinity(0, Words * sizeof(ulong), mask) == 0)
            {
                for (var word = 0; word < Words; word++)
                {
                    if (mask[word] != 0)
                    {
                        mask[word] &= 0 - mask[word];
                        new Span<ulong>(mask + word + 1, Words - word - 1).Clear();
                        _ = SetAffinity(0, Words * sizeof(ulong), mask);
                        return;
                    }
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);

    private void Loop()
    {
        PinToFirstProcessor();
        while (true)
        {
            WaitForBaton();
            _work!();
        }
    }
}
