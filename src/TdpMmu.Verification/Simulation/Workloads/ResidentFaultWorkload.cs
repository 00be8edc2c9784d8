using TdpMmu.Machine;

namespace TdpMmu.Verification.Simulation;

/// <summary>The fault handler alone, called for ascending frames of resident memory: what the benchmarks of resident faults measure.</summary>
internal sealed class ResidentFaultWorkload(SimulationOptions options) : SimulatedWorkload
{
    internal override void Prepare(SimulatedMachine machine)
    {
        for (var region = 0; region < options.Vcpus; region++)
        {
            machine.AddRegion((ulong)options.SamplePages + WarmUnits);
        }
    }

    internal override void WarmUp(SimulatedMachine machine, int vcpu, int stage) => Fault(machine, vcpu, (ulong)stage);

    internal override void RunVcpu(SimulatedMachine machine, int vcpu, VcpuRecord record)
    {
        for (var unit = 0; unit < options.SamplePages; unit++)
        {
            Fault(machine, vcpu, (ulong)(unit + WarmUnits));
            record.Touches++;
        }
    }

    private static void Fault(SimulatedMachine machine, int vcpu, ulong unit)
    {
        if (machine.Engine!.Mmu.HandleFault(vcpu, machine.AddressOf(vcpu, unit).Frame, GuestAccess.Write, present: false) != FaultOutcome.Fixed)
        {
            throw new InvalidOperationException("A fault on memory of the vCPU's own was not fixed.");
        }
    }
}
