namespace TdpMmu.Verification.Simulation;

/// <summary>What a simulation must reproduce before its predictions count, and whether it does. Immutable.</summary>
/// <param name="Experiment">Which experiment.</param>
/// <param name="Machine">The machine model.</param>
/// <param name="Claim">What is compared, and how near it must come.</param>
/// <param name="Published">The published or measured value.</param>
/// <param name="Simulated">The simulated value.</param>
/// <param name="Holds">Whether it comes near enough.</param>
public sealed record CalibrationCheck(string Experiment, string Machine, string Claim, double Published, double Simulated, bool Holds);
