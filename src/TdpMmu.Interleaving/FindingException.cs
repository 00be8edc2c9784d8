namespace TdpMmu.Interleaving;

/// <summary>Something that must not happen did happen under the current schedule.</summary>
public sealed class FindingException : Exception
{
    /// <summary>Creates a finding without a description.</summary>
    public FindingException()
    {
    }

    /// <summary>Creates a finding.</summary>
    /// <param name="message">What happened.</param>
    public FindingException(string message)
        : base(message)
    {
    }

    /// <summary>Creates a finding that an exception caused.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">What caused it.</param>
    public FindingException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
