namespace TdpMmu.Linux;

/// <summary>One thing that a machine offers or lacks.</summary>
public sealed record HostCapability
{
    /// <summary>A short name for a table.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it can be used now.</summary>
    public required bool Available { get; init; }

    /// <summary>What was found: a version, a size, a list of features, or the reason why it is not available.</summary>
    public required string Detail { get; init; }

    /// <summary>What does not work, or works worse, without it. Empty for plain facts.</summary>
    public string TurnsOff { get; init; } = "";

    /// <summary>How to get it. Empty where nothing can be done or nothing is lacking.</summary>
    public string Remedy { get; init; } = "";
}
