namespace TdpMmu.Cli.Simulation;

/// <summary>What must be reproduced, and whether it is.</summary>
internal sealed record CalibrationCheckReport(string Experiment, string MachineModel, string Claim, double Published, double Simulated, bool Holds);
