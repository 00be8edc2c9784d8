namespace TdpMmu.Verification.Simulation;

/// <summary>
/// What the threads of a simulation do. A workload sees the machine and its guests' accesses, and nothing of virtual time but the charging
/// of work of its own.
/// </summary>
internal abstract class SimulatedWorkload
{
    /// <summary>Stages of warming up: all vCPUs end one before any begins the next.</summary>
    internal const int WarmUnits = 2;

    /// <summary>Host threads that run beside the vCPUs.</summary>
    internal virtual int HostThreads => 0;

    /// <summary>Whether every page is touched once, so that a sample says what all memory would take.</summary>
    internal virtual bool IsFinite => true;

    /// <summary>Gives the machine its memory. Nothing is charged.</summary>
    internal abstract void Prepare(SimulatedMachine machine);

    /// <summary>
    /// What a vCPU does before the measured part. The first stage links tables that others share; in the next, everybody gets to see them.
    /// </summary>
    internal abstract void WarmUp(SimulatedMachine machine, int vcpu, int stage);

    /// <summary>What a vCPU does in the measured part.</summary>
    internal abstract void RunVcpu(SimulatedMachine machine, int vcpu, VcpuRecord record);

    /// <summary>What a host thread does in the measured part.</summary>
    internal virtual void RunHostThread(SimulatedMachine machine, int index)
    {
    }
}
