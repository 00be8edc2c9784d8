namespace TdpMmu.Verification.Simulation;

/// <summary>What operations cost whose line is there, in nanoseconds; the plain instructions around them are included.</summary>
public sealed record OperationCosts
{
    /// <summary>A load.</summary>
    public required double Load { get; init; }

    /// <summary>A store.</summary>
    public required double Store { get; init; }

    /// <summary>A locked read-modify-write operation.</summary>
    public required double Locked { get; init; }

    /// <summary>A full fence.</summary>
    public required double Fence { get; init; }

    /// <summary>A reading of the clock.</summary>
    public required double Clock { get; init; }

    /// <summary>One pause of a spin loop.</summary>
    public required double Pause { get; init; }

    /// <summary>The first touch of a line that no processor has.</summary>
    public required double LineFromMemory { get; init; }

    /// <summary>A guest access whose translation is there; guest data are not modelled as lines.</summary>
    public required double GuestAccess { get; init; }

    /// <summary>Zeroing fresh memory for tables and other shared structures, per KiB.</summary>
    public required double ZeroPerKib { get; init; }
}
