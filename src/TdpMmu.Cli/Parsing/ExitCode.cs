namespace TdpMmu.Cli.Parsing;

/// <summary>What the process reports to whoever started it.</summary>
internal static class ExitCode
{
    /// <summary>The verb did what it was asked to do.</summary>
    public const int Done = 0;

    /// <summary>The run failed, or a check did not hold.</summary>
    public const int Failed = 1;

    /// <summary>The arguments are wrong.</summary>
    public const int Usage = 2;

    /// <summary>This machine lacks something that the verb needs.</summary>
    public const int MissingResource = 3;

    /// <summary>An interrupt or termination signal ended the verb.</summary>
    public const int Interrupted = 130;
}
