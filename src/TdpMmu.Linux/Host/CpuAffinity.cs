namespace TdpMmu.Linux;

/// <summary>
/// Which CPUs threads run on. The runtime gives each new thread the process's mask, so every thread that wants a CPU pins itself.
/// <para>Thread-safe.</para>
/// </summary>
// SAFETY: the masks are stack buffers of the size that the calls are told.
public static unsafe class CpuAffinity
{
    private const int MaskWords = 128;

    /// <summary>The CPUs that the process may use, ascending: the affinity of its main thread.</summary>
    /// <exception cref="HostMemoryException">The kernel refused to tell.</exception>
    public static IReadOnlyList<int> UsableCpus { get; } = Read(Environment.ProcessId);

    /// <summary>Pins the calling thread to one CPU.</summary>
    /// <param name="cpu">A number from <see cref="UsableCpus"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">No such CPU number can exist.</exception>
    /// <exception cref="HostMemoryException">The process may not use this CPU.</exception>
    public static void PinCurrentThread(int cpu)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cpu);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu, MaskWords * 64);
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        mask[cpu / 64] = 1UL << (cpu % 64);
        Apply(mask, $"running only on CPU {cpu}");
    }

    /// <summary>Lets the calling thread run on every CPU that the process may use.</summary>
    /// <exception cref="HostMemoryException">The kernel refused.</exception>
    public static void UnpinCurrentThread()
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        foreach (int cpu in UsableCpus)
        {
            mask[cpu / 64] |= 1UL << (cpu % 64);
        }

        Apply(mask, "running on every usable CPU");
    }

    /// <summary>The CPUs that the calling thread may run on, ascending.</summary>
    /// <exception cref="HostMemoryException">The kernel refused to tell.</exception>
    public static IReadOnlyList<int> OfCurrentThread() => Read(0);

    private static void Apply(ulong* mask, string asked)
    {
        if (LibC.SetAffinity(0, MaskWords * sizeof(ulong), mask) != 0)
        {
            throw HostErrors.FromLastCall("sched_setaffinity", asked);
        }
    }

    private static int[] Read(int thread)
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (LibC.SystemCall(SystemCallNumbers.GetAffinity, thread, MaskWords * sizeof(ulong), (nint)mask) < 0)
        {
            throw HostErrors.FromLastCall("sched_getaffinity", "the CPUs that may be used");
        }

        var cpus = new List<int>();
        for (int cpu = 0; cpu < MaskWords * 64; cpu++)
        {
            if ((mask[cpu / 64] & (1UL << (cpu % 64))) != 0)
            {
                cpus.Add(cpu);
            }
        }

        return [.. cpus];
    }
}
