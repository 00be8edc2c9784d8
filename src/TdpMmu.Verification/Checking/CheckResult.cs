using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>One exploration of a check: a scenario from one start, under one lock policy and one memory model.</summary>
/// <param name="Scenario">The scenario's name.</param>
/// <param name="Variant">What it starts from.</param>
/// <param name="Lock">The lock policy, or null where there is none.</param>
/// <param name="Memory">The memory model.</param>
/// <param name="Report">What was seen.</param>
public sealed record CheckResult(string Scenario, string Variant, LockPolicyKind? Lock, MemoryModel Memory, ExplorationReport Report);
