namespace TdpMmu.Verification.Simulation;

/// <summary>No simulated thread can run, and not all have ended.</summary>
public sealed class SimulationDeadlockException : Exception
{
    /// <summary>Creates the exception.</summary>
    public SimulationDeadlockException()
    {
    }

    /// <summary>Creates the exception with a message.</summary>
    /// <param name="message">Which threads wait for what.</param>
    public SimulationDeadlockException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a message and a cause.</summary>
    /// <param name="message">Which threads wait for what.</param>
    /// <param name="innerException">The cause.</param>
    public SimulationDeadlockException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
