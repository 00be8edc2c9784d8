namespace TdpMmu;

/// <summary>A host operation on guest memory failed.</summary>
public sealed class HostMemoryException : TdpMmuException
{
    /// <summary>Creates the exception with a general message.</summary>
    public HostMemoryException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public HostMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public HostMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception of a failed system call.</summary>
    /// <param name="errorName">The name of errno, for instance <c>ENOMEM</c>.</param>
    /// <param name="errorNumber">The value of errno.</param>
    /// <param name="message">What was asked of the host and what can be done.</param>
    public HostMemoryException(string errorName, int errorNumber, string message)
        : base($"{message} ({errorName})")
    {
        ErrorName = errorName;
        ErrorNumber = errorNumber;
    }

    /// <summary>The name of errno, or null if no system call was involved.</summary>
    public string? ErrorName { get; }

    /// <summary>The value of errno, or 0.</summary>
    public int ErrorNumber { get; }
}
