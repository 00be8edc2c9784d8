using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using TdpMmu.Cli.Checking;
using TdpMmu.Cli.DemandPaging;
using TdpMmu.Cli.Doctor;
using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Cli.Simulation;

namespace TdpMmu.Cli;

/// <summary>The command line as a function: arguments in, exit code out.</summary>
internal static class CommandApplication
{
    public static int Run(IReadOnlyList<string> arguments, CommandConsole console, CancellationToken cancellationToken)
    {
        RootCommand root = CreateTree(console, cancellationToken);

        // A value that starts with @ is a value, not a file to read arguments from.
        ParseResult result = root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
        if (result.Tokens.FirstOrDefault(token => token.Type == TokenType.Directive) is { } directive)
        {
            console.Complain($"'{directive.Value}' is not a known verb; see tdpmmu --help");
            return ExitCode.Usage;
        }

        if (result.Errors.Count > 0 && result.Action is not HelpAction)
        {
            console.Complain(ParseErrorText.FirstOf(result));
            return ExitCode.Usage;
        }

        try
        {
            return result.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = console.StandardOutput,
                Error = console.StandardError,
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            console.Complain("interrupted");
            return ExitCode.Interrupted;
        }
        catch (CommandException exception)
        {
            console.Complain(exception.Message);
            return exception.ExitCode;
        }
        catch (Exception exception) when (exception is TdpMmuException or IOException or UnauthorizedAccessException)
        {
            console.Complain(exception.Message);
            return ExitCode.Failed;
        }
        catch (Exception exception)
        {
            // A defect of this tool: whoever reports it needs the place.
            console.Complain($"unexpected {exception.GetType().Name}: {exception.Message}");
            console.StandardError.WriteLine(exception.StackTrace);
            return ExitCode.Failed;
        }
    }

    private static RootCommand CreateTree(CommandConsole console, CancellationToken cancellationToken)
    {
        var root = new RootCommand("A hypervisor's two-dimensional-paging MMU in user space: measure it, compare it, look into it.");

        // What looks like a directive, such as [suggest], is a mistake here.
        root.Directives.Clear();
        root.Subcommands.Add(DemandPagingCommand.Create(console, cancellationToken));
        root.Subcommands.Add(CheckCommand.Create(console, cancellationToken));
        root.Subcommands.Add(SimulateCommand.Create(console, cancellationToken));
        root.Subcommands.Add(DoctorCommand.Create(console, cancellationToken));
        return root;
    }
}
