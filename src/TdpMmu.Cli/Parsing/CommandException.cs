namespace TdpMmu.Cli.Parsing;

/// <summary>Ends a verb with an exit code and one line on standard error that says what is wrong and how to mend it.</summary>
internal sealed class CommandException : Exception
{
    private CommandException(int exitCode, string message, Exception? inner)
        : base(message, inner) => ExitCode = exitCode;

    public int ExitCode { get; }

    public static CommandException Usage(string message) => new(Parsing.ExitCode.Usage, message, null);

    public static CommandException MissingResource(string message, Exception? inner = null)
        => new(Parsing.ExitCode.MissingResource, message, inner);

    public static CommandException Failed(string message, Exception? inner = null) => new(Parsing.ExitCode.Failed, message, inner);
}
