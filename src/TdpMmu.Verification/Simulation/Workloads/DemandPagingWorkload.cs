namespace TdpMmu.Verification.Simulation;

/// <summary>Every vCPU touches pages for the first time: of a region of its own, or all of them the same ones.</summary>
internal sealed class DemandPagingWorkload(SimulationOptions options) : SimulatedWorkload
{
    internal override void Prepare(SimulatedMachine machine)
    {
        // A unit more than is measured: touching it links the upper tables and fills the caches.
        for (var region = 0; region < (options.Overlapping ? 1 : options.Vcpus); region++)
        {
            machine.AddRegion((ulong)options.SamplePages + 1);
        }
    }

    internal override void WarmUp(SimulatedMachine machine, int vcpu) => machine.Touch(vcpu, RegionOf(vcpu), 0);

    internal override void RunVcpu(SimulatedMachine machine, int vcpu, VcpuRecord record)
    {
        for (var unit = 1; unit <= options.SamplePages; unit++)
        {
            machine.TouchTimed(vcpu, RegionOf(vcpu), (ulong)unit, record);
        }
    }

    private int RegionOf(int vcpu) => options.Overlapping ? 0 : vcpu;
}
