namespace TdpMmu;

/// <summary>The vCPU was asked to stop: it unwinds the guest program. Programs let it pass.</summary>
public sealed class VcpuStoppedException : TdpMmuException
{
    /// <summary>Creates the exception with a general message.</summary>
    public VcpuStoppedException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public VcpuStoppedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public VcpuStoppedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
