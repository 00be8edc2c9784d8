namespace TdpMmu.Interleaving.Tests;

/// <summary>Unwinds a controlled thread after the run has failed; never reported itself.</summary>
internal sealed class UnwindingException : Exception
{
    public UnwindingException()
        : base("The run has failed and its threads are being unwound.")
    {
    }

    public UnwindingException(string message)
        : base(message)
    {
    }

    public UnwindingException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
