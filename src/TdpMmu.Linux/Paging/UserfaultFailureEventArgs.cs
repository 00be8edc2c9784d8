namespace TdpMmu.Linux;

/// <summary>Says which handler of a <see cref="UserfaultPager"/> ended and why.</summary>
public sealed class UserfaultFailureEventArgs : EventArgs
{
    internal UserfaultFailureEventArgs(int region, Exception failure)
    {
        Region = region;
        Failure = failure;
    }

    /// <summary>The region, counted from 0, whose missing pages are lost.</summary>
    public int Region { get; }

    /// <summary>What ended the handler.</summary>
    public Exception Failure { get; }
}
