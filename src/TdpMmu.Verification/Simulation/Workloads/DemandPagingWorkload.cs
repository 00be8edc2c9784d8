namespace TdpMmu.Verification.Simulation;

/// <summary>Every vCPU touches pages for the first time: of a region of its own, or all of them the same ones.</summary>
internal sealed class DemandPagingWorkload(SimulationOptions options) : SimulatedWorkload
{
    internal override void Prepare(SimulatedMachine machine)
    {
        // A unit more for each stage of warming up.
        for (var region = 0; region < (options.Overlapping ? 1 : options.Vcpus); region++)
        {
            machine.AddRegion((ulong)options.SamplePages + WarmUnits);
        }
    }

    internal override void WarmUp(SimulatedMachine machine, int vcpu, int stage) => machine.Touch(vcpu, RegionOf(vcpu), (ulong)stage);

    internal override void RunVcpu(SimulatedMachine machine, int vcpu, VcpuRecord record)
    {
        for (var unit = 0; unit < options.SamplePages; unit++)
        {
            machine.TouchTimed(vcpu, RegionOf(vcpu), (ulong)(unit + WarmUnits), record);
        }
    }

    private int RegionOf(int vcpu) => options.Overlapping ? 0 : vcpu;
}
