using System.ComponentModel;
using System.Runtime.InteropServices;

namespace TdpMmu.Verification.Simulation;

/// <summary>
/// Memory at a fixed address for everything that simulated threads share, and beside it, at a constant distance, what the simulator knows
/// about each line. Fixed, so that a run allocates the same addresses every time and two runs are bit-identical.
/// </summary>
/// <remarks>Used by one simulation at a time. Allocations only grow; <see cref="Reset"/> gives all of them back at once.</remarks>
internal sealed unsafe partial class SimulationArena
{
    /// <summary>Where the arena begins.</summary>
    internal const long Base = 0x2000_0000_0000;

    /// <summary>The largest total of allocations.</summary>
    internal const ulong Capacity = 1UL << 39;

    /// <summary>From a line to what is known about it.</summary>
    internal const long StateDistance = 0x0800_0000_0000;

    private const int ProtectReadWrite = 3;
    private const int MapPrivateAnonymousReserved = 0x02 | 0x20 | 0x4000;
    private const int MapFixedNoReplace = 0x10_0000;
    private const int AdviceDontNeed = 4;

    private nuint _used;

    private SimulationArena()
    {
        Map(Base);
        Map(Base + StateDistance);
    }

    /// <summary>The process's arena. The reservation costs address space only, and stays.</summary>
    internal static SimulationArena Instance { get; } = new();

    /// <summary>Bytes that are allocated.</summary>
    internal nuint Used => _used;

    /// <summary>Allocates zeroed memory.</summary>
    /// <exception cref="InvalidOperationException">The arena is full.</exception>
    internal nint Allocate(nuint bytes, nuint alignment)
    {
        var start = (_used + alignment - 1) & ~(alignment - 1);
        if (bytes > Capacity - start)
        {
            throw new InvalidOperationException($"The simulation needs more than {Capacity} bytes of shared memory.");
        }

        _used = start + bytes;
        return (nint)(Base + (long)start);
    }

    /// <summary>Makes the arena empty and zero, lines included.</summary>
    internal void Reset()
    {
        if (_used != 0)
        {
            Empty(Base);
            Empty(Base + StateDistance);
        }

        _used = 0;
    }

    // SAFETY: the range is the arena's own; private anonymous memory reads as zero after this advice.
    private void Empty(long address)
    {
        if (Advise((void*)address, _used, AdviceDontNeed) != 0)
        {
            throw new Win32Exception();
        }
    }

    private static void Map(long address)
    {
        var length = Capacity;
        var mapped = MemoryMap((void*)address, (nuint)length, ProtectReadWrite, MapPrivateAnonymousReserved | MapFixedNoReplace, -1, 0);
        if ((nint)mapped != (nint)address)
        {
            throw new InvalidOperationException($"The address range at 0x{address:x} that simulations use is taken in this process.", new Win32Exception());
        }
    }

    // SAFETY: the range was free (the kernel refuses to replace a mapping), and nobody else knows its address.
    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial void* MemoryMap(void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(void* address, nuint length, int advice);
}
