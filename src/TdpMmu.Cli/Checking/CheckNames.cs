using TdpMmu.Cli.Parsing;
using TdpMmu.Interleaving;

namespace TdpMmu.Cli.Checking;

/// <summary>The words of the command line, of tables and of JSON for each choice.</summary>
internal static class CheckNames
{
    public static NamedChoices<ExplorationStrategy> Strategy { get; } = new(
        ("exhaustive", ExplorationStrategy.Exhaustive),
        ("preemptions", ExplorationStrategy.Preemptions),
        ("pct", ExplorationStrategy.Pct),
        ("random", ExplorationStrategy.Random));

    public static NamedChoices<MemoryModel> Memory { get; } = new(("sc", MemoryModel.SequentiallyConsistent), ("tso", MemoryModel.TotalStoreOrder));
}
