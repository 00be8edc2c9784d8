using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>A program to explore: a part of the engine by itself, or operations on a machine.</summary>
internal abstract class Scenario
{
    /// <summary>The name on the command line.</summary>
    internal abstract string Name { get; }

    /// <summary>What it is about, in a line.</summary>
    internal abstract string Summary { get; }

    /// <summary>Whether it is the same under every lock policy.</summary>
    internal virtual bool IgnoresLock => false;

    /// <summary>What is explored one after the other under the scenario's name: machines to start from, for instance.</summary>
    internal abstract IReadOnlyList<string> Variants { get; }

    /// <summary>Makes state and threads of one execution.</summary>
    /// <param name="execution">The execution.</param>
    /// <param name="variant">An index into <see cref="Variants"/>.</param>
    /// <param name="policy">The lock policy.</param>
    internal abstract void Arrange(Execution execution, int variant, LockPolicyKind policy);
}
