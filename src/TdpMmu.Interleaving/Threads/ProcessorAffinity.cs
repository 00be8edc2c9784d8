using System.Runtime.InteropServices;

namespace TdpMmu.Interleaving;

/// <summary>Pins threads, where the system lets them be pinned. A run that could not pin is slower and otherwise the same.</summary>
internal static unsafe partial class ProcessorAffinity
{
    private const int MaskWords = 128;

    /// <summary>The processors that the process may use, ascending; one that is never pinned to where that is not known.</summary>
    internal static IReadOnlyList<int> Usable { get; } = FindUsable();

    /// <summary>Pins the calling thread.</summary>
    internal static void Pin(int processor)
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // SAFETY: the kernel reads as many bytes as the mask has, which lies on this frame.
        var mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[processor / 64] = 1UL << (processor % 64);
        _ = SetAffinity(0, MaskWords * sizeof(ulong), mask);
    }

    /// <summary>Lets the calling thread run on every usable processor.</summary>
    internal static void Unpin()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // SAFETY: as above.
        var mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        foreach (var processor in Usable)
        {
            mask[processor / 64] |= 1UL << (processor % 64);
        }

        _ = SetAffinity(0, MaskWords * sizeof(ulong), mask);
    }

    private static int[] FindUsable()
    {
        if (!OperatingSystem.IsLinux())
        {
            return [0];
        }

        // SAFETY: the kernel writes at most as many bytes as the mask has. The C library's wrapper clears the rest.
        var mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (GetAffinity(Environment.ProcessId, MaskWords * sizeof(ulong), mask) != 0)
        {
            return [0];
        }

        var processors = new List<int>();
        for (var processor = 0; processor < MaskWords * 64; processor++)
        {
            if ((mask[processor / 64] & (1UL << (processor % 64))) != 0)
            {
                processors.Add(processor);
            }
        }

        return [.. processors];
    }

    [LibraryImport("libc", EntryPoint = "sched_getaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetAffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAffinity(int thread, nuint bytes, ulong* mask);
}
