// A snapshot-reset loop as fuzzers use it: run an input, look at what happened, put the machine back, take the next input.
using System.Diagnostics;
using TdpMmu;
using TdpMmu.Linux;

const ulong RamBytes = 64 << 20;
const int Iterations = 2_000;
const int PagesPerInput = 100;

using var memory = MappedMemory.Create(new MappedMemoryOptions { Length = RamBytes, Populate = true });
using var machine = new VirtualMachine(new VirtualMachineOptions());
machine.AddSlot(new Gpa(0), memory);
machine.Write(new Gpa(0), 0x5eed_5eed_5eed_5eedUL);

using var snapshot = machine.TakeSnapshot();
var reset = TimeSpan.Zero;
for (var iteration = 0; iteration < Iterations; iteration++)
{
    var input = (ulong)iteration;
    machine.Vcpus[0].Run(vcpu =>
    {
        for (ulong page = 0; page < PagesPerInput; page++)
        {
            vcpu.Store(new Gpa((((input * 7919) + (page * 131)) * 4096) % RamBytes), input);
        }
    });

    var start = Stopwatch.GetTimestamp();
    _ = snapshot.Restore();
    reset += Stopwatch.GetElapsedTime(start);
    if (machine.Read<ulong>(new Gpa(0)) != 0x5eed_5eed_5eed_5eedUL)
    {
        Console.Error.WriteLine($"iteration {iteration} left something behind");
        return 1;
    }
}

Console.WriteLine($"{Iterations} runs that dirty {PagesPerInput} pages each; a reset takes {reset.TotalMicroseconds / Iterations:F1} us");
return 0;
