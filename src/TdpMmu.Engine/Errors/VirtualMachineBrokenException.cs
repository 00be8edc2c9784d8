namespace TdpMmu;

/// <summary>An invariant of the MMU was broken or host memory changed behind its back: the virtual machine has stopped and cannot go on.</summary>
public sealed class VirtualMachineBrokenException : TdpMmuException
{
    /// <summary>Creates the exception with a general message.</summary>
    public VirtualMachineBrokenException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public VirtualMachineBrokenException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public VirtualMachineBrokenException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
