namespace TdpMmu.Cli.Doctor;

/// <summary>One thing that the machine offers or lacks.</summary>
internal sealed record CapabilityReport
{
    public required string Name { get; init; }

    public required bool Available { get; init; }

    /// <summary>What was found: a version, a size, a list of features, or the reason of the lack.</summary>
    public required string Detail { get; init; }

    /// <summary>What cannot be used without it; null when nothing is lost.</summary>
    public required string? TurnsOff { get; init; }

    /// <summary>What to do to get it; null when there is nothing to mend.</summary>
    public required string? Remedy { get; init; }
}
