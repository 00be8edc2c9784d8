using TdpMmu;
using TdpMmu.Linux;

using var memory = MappedMemory.Create(new MappedMemoryOptions { Length = 64 << 20 });
using var machine = new VirtualMachine(new VirtualMachineOptions { VcpuCount = 2 });
var slot = machine.AddSlot(new Gpa(0x10_0000), memory);

machine.Write(slot.BaseAddress, 40UL);
using var snapshot = machine.TakeSnapshot();
machine.Run(vcpu =>
{
    var address = slot.BaseAddress.Plus((ulong)vcpu.Index * 4096);
    vcpu.Store(address, vcpu.Load<ulong>(address) + 2);
});

Console.WriteLine($"guest wrote {machine.Read<ulong>(slot.BaseAddress)}");
Console.WriteLine($"dirty pages: {machine.GetDirtyLog(slot, new ulong[slot.DirtyLogWords])}");
