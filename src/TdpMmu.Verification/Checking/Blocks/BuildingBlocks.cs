namespace TdpMmu.Verification;

/// <summary>The parts that everything is built of, each by itself.</summary>
internal static class BuildingBlocks
{
    internal static IReadOnlyList<Scenario> All { get; } = [];
}
