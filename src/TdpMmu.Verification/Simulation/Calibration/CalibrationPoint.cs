namespace TdpMmu.Verification.Simulation;

/// <summary>One published or measured number beside the simulated one. Immutable.</summary>
/// <param name="Experiment">Which experiment.</param>
/// <param name="Machine">The machine model, the same for all experiments of one machine.</param>
/// <param name="Vcpus">vCPUs.</param>
/// <param name="Published">Pages per second that were published, or measured on this project's machine.</param>
/// <param name="Simulated">Pages per second of the simulation.</param>
public sealed record CalibrationPoint(string Experiment, string Machine, int Vcpus, double Published, double Simulated)
{
    /// <summary>Simulated by published.</summary>
    public double Ratio => Simulated / Published;
}
