namespace TdpMmu.Machine;

/// <summary>What may keep vCPUs from running guest code.</summary>
[Flags]
internal enum MachineConditions : uint
{
    None = 0,

    /// <summary>vCPUs unwind their programs.</summary>
    Stopping = 1,

    /// <summary>The machine cannot go on.</summary>
    Broken = 2,

    /// <summary>A vCPU performs an operation that excludes all other accesses.</summary>
    BusLocked = 4,
}
