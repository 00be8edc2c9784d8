namespace TdpMmu.Cli.Simulation;

/// <summary>A published throughput beside the simulated one.</summary>
internal sealed record CalibrationPointReport(string Experiment, string MachineModel, int Vcpus, double PublishedPagesPerSecond, double SimulatedPagesPerSecond);
