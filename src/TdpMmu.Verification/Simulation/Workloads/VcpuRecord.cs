namespace TdpMmu.Verification.Simulation;

/// <summary>What one vCPU did in the measured part. Times in picoseconds.</summary>
internal sealed record VcpuRecord
{
    internal long Start { get; set; }

    internal long End { get; set; }

    internal long Touches { get; set; }

    internal long LongestStall { get; set; }

    internal long Transfers { get; set; }

    internal long TransferTime { get; set; }

    internal long HostTime { get; set; }

    internal long LockWaitNanoseconds { get; set; }

    internal long Faults { get; set; }

    internal long Retries { get; set; }
}
