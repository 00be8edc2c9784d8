namespace TdpMmu;

/// <summary>An access went to guest memory that is not there, is poisoned, or may not be used so.</summary>
public sealed class GuestMemoryException : TdpMmuException
{
    /// <summary>Creates the exception with a general message.</summary>
    public GuestMemoryException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public GuestMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public GuestMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception of a failed access.</summary>
    /// <param name="address">The first byte that could not be accessed.</param>
    /// <param name="message">What was wrong with it.</param>
    public GuestMemoryException(Gpa address, string message)
        : base($"{message} (guest physical address {address})") => Address = address;

    /// <summary>The first byte that could not be accessed.</summary>
    public Gpa Address { get; }
}
