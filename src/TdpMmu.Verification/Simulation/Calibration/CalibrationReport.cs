namespace TdpMmu.Verification.Simulation;

/// <summary>Published experiments beside their simulations. Immutable.</summary>
/// <param name="Points">Every number.</param>
/// <param name="Checks">Every comparison that must hold.</param>
public sealed record CalibrationReport(IReadOnlyList<CalibrationPoint> Points, IReadOnlyList<CalibrationCheck> Checks);
