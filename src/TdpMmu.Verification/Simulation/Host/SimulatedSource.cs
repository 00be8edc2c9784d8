namespace TdpMmu.Verification.Simulation;

/// <summary>How a missing page of a simulated guest comes in.</summary>
public enum SimulatedSource
{
    /// <summary>Through userfaultfd with a handler for each vCPU, on its processor.</summary>
    Missing,

    /// <summary>Through one userfaultfd for all vCPUs.</summary>
    MissingShared,

    /// <summary>Through the faulting vCPU's own thread.</summary>
    Exit,

    /// <summary>The host's kernel fills it.</summary>
    Anonymous,

    /// <summary>The host's kernel fills it, 2 MiB at a time.</summary>
    AnonymousLarge,

    /// <summary>Nothing is missing.</summary>
    Resident,
}
