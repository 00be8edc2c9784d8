using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TdpMmu.Interleaving;

/// <summary>Pins threads, where the system lets them be pinned. A run that could not pin is slower and otherwise the same.</summary>
internal static unsafe partial class ProcessorAffinity
{
    private const int MaskWords = 128;

    /// <summary>The processors that the process may use, ascending; one that is never pinned to where that is not known.</summary>
    internal static IReadOnlyList<int> Usable { get; } = FindUsable();

    /// <summary>Where the calling thread may run.</summary>
    internal static Mask Current() => Read(0);

    /// <summary>Pins the calling thread.</summary>
    internal static void Pin(int processor)
    {
        Mask mask = default;
        mask[processor / 64] = 1UL << (processor % 64);
        mask[MaskWords] = 1;
        Restore(mask);
    }

    /// <summary>Lets the calling thread run where <see cref="Current"/> said that it may.</summary>
    internal static void Restore(Mask mask)
    {
        if (OperatingSystem.IsLinux() && mask[MaskWords] != 0)
        {
            // SAFETY: the kernel reads as many bytes as the mask has, which lies on this frame.
            _ = SetAffinity(0, MaskWords * sizeof(ulong), (ulong*)&mask);
        }
    }

    private static Mask Read(int thread)
    {
        Mask mask = default;

        // SAFETY: the kernel writes at most as many bytes as the mask has. The C library's wrapper clears the rest.
        if (OperatingSystem.IsLinux() && GetAffinity(thread, MaskWords * sizeof(ulong), (ulong*)&mask) == 0)
        {
            mask[MaskWords] = 1;
        }

        return mask;
    }

    private static int[] FindUsable()
    {
        var mask = Read(Environment.ProcessId);
        var processors = new List<int>();
        for (var processor = 0; mask[MaskWords] != 0 && processor < MaskWords * 64; processor++)
        {
            if ((mask[processor / 64] & (1UL << (processor % 64))) != 0)
            {
                processors.Add(processor);
            }
        }

        return processors.Count == 0 ? [0] : [.. processors];
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);

    /// <summary>A set of processors, and in the last word whether it is known.</summary>
    [InlineArray(MaskWords + 1)]
    internal struct Mask
    {
        private ulong _first;
    }
}
