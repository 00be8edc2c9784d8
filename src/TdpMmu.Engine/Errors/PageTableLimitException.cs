namespace TdpMmu;

/// <summary>The pool of page tables is at its limit and waiting for tables to come back did not help.</summary>
public sealed class PageTableLimitException : TdpMmuException
{
    /// <summary>Creates the exception with a general message.</summary>
    public PageTableLimitException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    public PageTableLimitException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened, with the value and the limit.</param>
    /// <param name="innerException">What caused it.</param>
    public PageTableLimitException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
