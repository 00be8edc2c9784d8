using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace TdpMmu;

/// <summary>
/// The engine's invariants as code. They are in the release build, behind a switch that folds to nothing when it is off,
/// so that what is tested is what ships.
/// </summary>
internal static class EngineChecks
{
    /// <summary>The AppContext switch that turns the checks on. It is read once.</summary>
    internal const string Switch = "TdpMmu.EngineChecks";

    /// <summary>Whether checks run.</summary>
    internal static readonly bool Enabled = AppContext.TryGetSwitch(Switch, out var on) && on;

    /// <summary>Throws if checks run and the condition does not hold.</summary>
    /// <exception cref="InvariantViolationException">The condition does not hold.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Require(bool condition, string invariant)
    {
        if (Enabled && !condition)
        {
            Fail(invariant);
        }
    }

    [DoesNotReturn]
    private static void Fail(string invariant) => throw new InvariantViolationException($"The invariant does not hold: {invariant}.");
}
