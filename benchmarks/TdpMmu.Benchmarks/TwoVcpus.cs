using System.Diagnostics;
using TdpMmu.Linux;
using TdpMmu.Machine;

namespace TdpMmu.Benchmarks;

/// <summary>Two vCPUs on two processors, resident memory, disjoint regions: one machine against two machines that share nothing.</summary>
internal static class TwoVcpus
{
    private const ulong PagesPerVcpu = 1 << 19;

    internal static void Run(int rounds) =>
        new Measurement("two vCPUs, resident, disjoint: faults of both together", "Mpages/s")
            .Add("two machines with one vCPU each", () => Throughput(MmuKind.Direct, LockPolicyKind.Rcu, machines: 2))
            .Add("direct + rcu", () => Throughput(MmuKind.Direct, LockPolicyKind.Rcu, machines: 1))
            .Add("direct + read-write", () => Throughput(MmuKind.Direct, LockPolicyKind.ReadWrite, machines: 1))
            .Add("direct + monolithic", () => Throughput(MmuKind.Direct, LockPolicyKind.Monolithic, machines: 1))
            .Add("legacy", () => Throughput(MmuKind.Legacy, LockPolicyKind.Rcu, machines: 1))
            .Run(warmups: 2, rounds);

    private static double Throughput(MmuKind kind, LockPolicyKind policy, int machines)
    {
        var vcpusEach = 2 / machines;
        var memories = new ReservedMemory[machines];
        var all = new VirtualMachine[machines];
        for (var index = 0; index < machines; index++)
        {
            memories[index] = new ReservedMemory(PagesPerVcpu * (ulong)vcpusEach * PageGeometry.PageSize);
            all[index] = new VirtualMachine(new VirtualMachineOptions { Mmu = kind, Lock = policy, VcpuCount = vcpusEach });
            all[index].AddSlot(default, memories[index], new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
        }

        using var barrier = new Barrier(2);
        var starts = new long[2];
        var ends = new long[2];
        var threads = Enumerable.Range(0, 2).Select(worker => new Thread(() =>
        {
            CpuAffinity.PinCurrentThread(worker);
            var machine = all[machines == 2 ? worker : 0];
            var vcpu = machines == 2 ? 0 : worker;
            var first = (ulong)vcpu * PagesPerVcpu;
            _ = machine.Mmu.HandleFault(vcpu, new Gfn(first), GuestAccess.Write, present: false);
            barrier.SignalAndWait();
            starts[worker] = Stopwatch.GetTimestamp();
            Touch(machine.Mmu, vcpu, first + 1, first + PagesPerVcpu);
            ends[worker] = Stopwatch.GetTimestamp();
        })).ToArray();
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Array.ForEach(all, static machine => machine.Dispose());
        Array.ForEach(memories, static memory => memory.Dispose());
        return 2 * PagesPerVcpu / Stopwatch.GetElapsedTime(starts.Min(), ends.Max()).TotalMicroseconds;
    }

    private static void Touch(Mmu mmu, int vcpu, ulong first, ulong end)
    {
        for (var frame = first; frame < end; frame++)
        {
            if (mmu.HandleFault(vcpu, new Gfn(frame), GuestAccess.Write, present: false) != FaultOutcome.Fixed)
            {
                throw new InvalidOperationException("A fault was not fixed.");
            }
        }
    }
}
