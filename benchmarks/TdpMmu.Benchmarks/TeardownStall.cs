using System.Diagnostics;
using System.Globalization;
using TdpMmu.Concurrency;
using TdpMmu.Linux;
using TdpMmu.Machine;

namespace TdpMmu.Benchmarks;

/// <summary>
/// One thread tears a populated 1 GiB range down, again and again, while a vCPU on the other processor faults elsewhere: the longest fault
/// belongs to the design and not to the size of the range.
/// </summary>
internal static class TeardownStall
{
    private const ulong Range = PageGeometry.PagesPer2MiB * PageGeometry.PagesPer2MiB;
    private const ulong Elsewhere = 1 << 19;

    internal static void Run(int rounds)
    {
        Console.WriteLine("faults elsewhere while 1 GiB of 4 KiB mappings is torn down");
        Measure("direct + rcu", MmuKind.Direct, LockPolicyKind.Rcu, rounds);
        Measure("direct + read-write", MmuKind.Direct, LockPolicyKind.ReadWrite, rounds);
        Measure("direct + monolithic", MmuKind.Direct, LockPolicyKind.Monolithic, rounds);
        Measure("legacy", MmuKind.Legacy, LockPolicyKind.Rcu, rounds);
    }

    private static void Measure(string name, MmuKind kind, LockPolicyKind policy, int rounds)
    {
        var longest = new double[rounds];
        var median = new double[rounds];
        var teardown = new double[rounds];
        for (var round = -1; round < rounds; round++)
        {
            var (worst, usual, seconds) = Once(kind, policy);
            if (round >= 0)
            {
                (longest[round], median[round], teardown[round]) = (worst, usual, seconds);
            }
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name,-24} teardown {Measurement.Median(teardown) * 1000,7:F1} ms   fault elsewhere: median {Measurement.Median(median),7:F0} ns, longest {Measurement.Median(longest) / 1000,9:F1} us ({longest.Min() / 1000:F1}..{longest.Max() / 1000:F1})"));
    }

    private static (double Longest, double Median, double Seconds) Once(MmuKind kind, LockPolicyKind policy)
    {
        using var memory = new ReservedMemory((Range + Elsewhere) * PageGeometry.PageSize);
        using var machine = new VirtualMachine(new VirtualMachineOptions { Mmu = kind, Lock = policy, VcpuCount = 2 });
        machine.AddSlot(default, memory, new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
        for (ulong frame = 0; frame < Range; frame++)
        {
            _ = machine.Mmu.HandleFault(0, new Gfn(frame), GuestAccess.Write, present: false);
        }

        using var barrier = new Barrier(2);
        var ended = false;
        var times = new List<long>((int)Elsewhere);
        var faulter = new Thread(() =>
        {
            CpuAffinity.PinCurrentThread(1);
            barrier.SignalAndWait();
            Fault(machine.Mmu, times, ref ended);
        });
        faulter.Start();
        CpuAffinity.PinCurrentThread(0);
        barrier.SignalAndWait();
        var start = Stopwatch.GetTimestamp();
        machine.Zap(new GfnRange(default, Range));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref ended, true);
        faulter.Join();
        CpuAffinity.UnpinCurrentThread();
        times.Sort();
        return times.Count == 0 ? (0, 0, seconds) : (times[^1], times[times.Count / 2], seconds);
    }

    private static void Fault(Mmu mmu, List<long> times, ref bool ended)
    {
        for (var frame = Range; frame < Range + Elsewhere && !Volatile.Read(ref ended); frame++)
        {
            var start = Atomics.Now;
            _ = mmu.HandleFault(1, new Gfn(frame), GuestAccess.Write, present: false);
            times.Add(Atomics.Now - start);
        }
    }
}
