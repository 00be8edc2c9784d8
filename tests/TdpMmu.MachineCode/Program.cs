using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.MachineCode;

// The switch must be a constant before anything that reads it is optimised.
RuntimeHelpers.RunClassConstructor(typeof(Atomics).TypeHandle);
using var block = new NativeBlock(4 * NativeBlock.LineBytes);
var (word, other, small) = (block.Word(0), block.Word(NativeBlock.LineBytes), block.Int(2 * NativeBlock.LineBytes));
var data = new AtomicBytes(block.Word(3 * NativeBlock.LineBytes).Address);

var sum = Probes.ProbeWindowLoop(word, other, data, 5_000_000) + Probes.ProbeMixedLoop(word, small, 1_000_000);
for (var round = 0; round < 20; round++)
{
    for (var call = 0; call < 100; call++)
    {
        sum += Probes.ProbeLoad(word) + Probes.ProbeLoadInt(small) + Probes.ProbeExchange(word, 1) + Probes.ProbePast(word, 1) + Probes.ProbeCompareExchange(word, 2, 1);
        sum += Probes.ProbeCompareExchangeInt(small, 1, 0) + Probes.ProbeAdd(word, 1) + Probes.ProbeLoadData(data);
        sum += Probes.ProbeTwoWindows(word, other, data);
        sum += Probes.ProbeWindowLoop(word, other, data, 1) + Probes.ProbeMixedLoop(word, small, 1);
        Probes.ProbeStore(word, sum);
        Probes.ProbeAnd(word, sum);
        Probes.ProbeOr(word, sum);
        Probes.ProbeFence();
        Probes.ProbeStoreData(data, (ushort)sum);
    }

    // Optimised code is made in the background.
    Thread.Sleep(50);
}

Console.WriteLine(Atomics.IsControllable ? "controllable" : "not controllable");
