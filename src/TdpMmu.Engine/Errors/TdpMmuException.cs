namespace TdpMmu;

/// <summary>The base of every exception that this library defines.</summary>
public class TdpMmuException : Exception
{
    /// <summary>Creates the exception with a general message.</summary>
    public TdpMmuException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public TdpMmuException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public TdpMmuException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
