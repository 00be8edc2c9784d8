namespace TdpMmu.Interleaving.Tests;

/// <summary>How a run is made.</summary>
internal sealed record SeededOptions
{
    /// <summary>What is weakened.</summary>
    internal Mutation Mutation { get; init; }

    /// <summary>Virtual time that passes with each operation.</summary>
    internal long NanosecondsPerOperation { get; init; } = 10;

    /// <summary>Operations after which a run counts as one that never ends.</summary>
    internal long StepLimit { get; init; } = 200_000;
}
