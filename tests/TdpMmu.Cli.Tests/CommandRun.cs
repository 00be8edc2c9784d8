using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.Tests;

/// <summary>One invocation of the command line inside the test process, with what it printed.</summary>
internal sealed record CommandRun(int ExitCode, string Output, string Error)
{
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static CommandRun Of(params string[] arguments) => Of(TestContext.Current.CancellationToken, arguments);

    public static CommandRun Of(CancellationToken cancellationToken, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var console = new CommandConsole(output, error, outputIsTerminal: false, errorIsTerminal: false);
        int exitCode = CommandApplication.Run(arguments, console, cancellationToken);
        return new CommandRun(exitCode, output.ToString(), error.ToString());
    }
}
