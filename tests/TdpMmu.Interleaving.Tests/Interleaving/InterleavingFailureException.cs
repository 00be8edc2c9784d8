namespace TdpMmu.Interleaving.Tests;

/// <summary>A schedule under which the program misbehaves, with the last steps that led there.</summary>
internal sealed class InterleavingFailureException : Exception
{
    public InterleavingFailureException()
    {
    }

    public InterleavingFailureException(string message)
        : base(message)
    {
    }

    public InterleavingFailureException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }
}
