using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using CheckedFormat = TdpMmu.Formats.Ept<TdpMmu.Verification.SmallGeometry>;

namespace TdpMmu.Verification;

/// <summary>Machines around a part that is explored by itself.</summary>
internal static class BlockMachine
{
    private const ulong TableLimit = 65_536;

    /// <summary>Creates a machine without memory.</summary>
    internal static VirtualMachine Create(Execution execution, int vcpus, int lanes)
    {
        var machine = VirtualMachine.CreateWith<CheckedFormat, RcuLock>(new VirtualMachineOptions
        {
            VcpuCount = vcpus,
            RunPermitCount = vcpus,
            HostLaneCount = lanes,
            TlbEntries = 16,
            FaultTimingInterval = int.MaxValue,
            PageTableLimitBytes = TableLimit,
            Mmio = static (_, _, data, _) => data.Clear(),
        });
        MachineLabels.Add(execution, machine);
        return machine;
    }

    /// <summary>Disposes a machine, and then what it used, and checks that nothing but the line that turns late callers away is left.</summary>
    internal static void End(Execution execution, VirtualMachine machine, params IEnumerable<IDisposable> parts)
    {
        machine.Dispose();
        foreach (var part in parts)
        {
            part.Dispose();
        }

        if (execution.LiveBytes != NativeBlock.LineBytes)
        {
            throw new FindingException($"{execution.LiveBytes - NativeBlock.LineBytes} bytes of native memory are left behind.");
        }
    }
}
