using System.Diagnostics;

namespace TdpMmu.Linux.Tests;

/// <summary>Prints how many pages per second one thread gets from a handler on its own CPU, for people to compare with a C program.</summary>
internal static class ThroughputReport
{
    private const ulong Pages = 16384;

    internal static void Run()
    {
        int cpu = CpuAffinity.UsableCpus[0];
        CpuAffinity.PinCurrentThread(cpu);
        for (int round = 0; round < 8; round++)
        {
            Measure("missing, anonymous", MemoryBacking.Anonymous, UserfaultMode.Missing, populate: false, cpu);
            Measure("missing, memfd", MemoryBacking.SharedMemfd, UserfaultMode.Missing, populate: false, cpu);
            Measure("minor, file allocated", MemoryBacking.SharedMemfd, UserfaultMode.Minor, populate: true, cpu);
            Measure("minor, file empty", MemoryBacking.SharedMemfd, UserfaultMode.Minor, populate: false, cpu);
        }
    }

    private static void Measure(string name, MemoryBacking backing, UserfaultMode mode, bool populate, int cpu)
    {
        using MappedMemory memory = Machine.DemandPaged(Pages, backing, populate);
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Mode = mode, Source = new PatternSource(), CpuOfHandler = [cpu] });
        long start = Stopwatch.GetTimestamp();
        for (ulong page = 0; page < Pages; page++)
        {
            memory.Populate(page * PageGeometry.PageSize, PageGeometry.PageSize, write: true);
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        Console.WriteLine(FormattableString.Invariant(
            $"{name,-22} {Pages / elapsed.TotalSeconds / 1000,8:0.0} k pages/s  {elapsed.TotalMicroseconds / Pages,6:0.00} us  {pager.GetStatistics()}"));
    }
}
