namespace TdpMmu;

/// <summary>A page source failed to deliver a page, which is poisoned now.</summary>
public sealed class PageSourceException : TdpMmuException
{
    /// <summary>Creates the exception with a general message.</summary>
    public PageSourceException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public PageSourceException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public PageSourceException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
