using TdpMmu;
using TdpMmu.Concurrency;
using TdpMmu.Linux;

namespace CustomLock;

internal static class Program
{
    private const ulong Pages = 4096;

    private static void Main()
    {
        using var memory = MappedMemory.Create(new MappedMemoryOptions { Length = Pages * 4096, Populate = true });
        using var machine = VirtualMachine.CreateWithLock<CountingLock>(new VirtualMachineOptions { VcpuCount = 2 });
        machine.AddSlot(new Gpa(0), memory, new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
        machine.Run(static vcpu =>
        {
            for (var page = (ulong)vcpu.Index; page < Pages; page += 2)
            {
                vcpu.Store(new Gpa(page * 4096), page);
            }
        });

        var statistics = machine.GetStatistics();
        Console.WriteLine($"{statistics.Faults} faults entered {Atomics.LoadAcquire(CountingLock.Latest)} sections and waited {statistics.LockWaitNanoseconds / 1000} us");
    }
}
