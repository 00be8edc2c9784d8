using Spectre.Console;

namespace TdpMmu.Cli.Output;

/// <summary>Where a verb prints: standard output for results, standard error for complaints and progress.</summary>
internal sealed class CommandConsole(TextWriter standardOutput, TextWriter standardError, bool outputIsTerminal, bool errorIsTerminal)
{
    /// <summary>Width of tables that no terminal limits: wide enough that no cell is broken.</summary>
    private const int RedirectedWidth = 120;

    public static CommandConsole OfProcess { get; } = new(Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected);

    public TextWriter StandardOutput { get; } = standardOutput;

    public TextWriter StandardError { get; } = standardError;

    public bool ErrorIsTerminal { get; } = errorIsTerminal;

    /// <summary>A console for tables on standard output; without a terminal it writes no escape sequences.</summary>
    public IAnsiConsole CreateTableConsole()
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(StandardOutput),
            Ansi = outputIsTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = outputIsTerminal ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        if (!outputIsTerminal)
        {
            console.Profile.Width = RedirectedWidth;
        }

        return console;
    }

    /// <summary>Prints exactly one line on standard error, whatever the message holds: arguments may contain line breaks and escapes.</summary>
    public void Complain(string message)
        => StandardError.WriteLine("tdpmmu: " + string.Create(message.Length, message, static (line, text) =>
        {
            for (int i = 0; i < line.Length; i++)
            {
                // The two Unicode separators break lines in many viewers, though they are no control characters.
                line[i] = char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' ? ' ' : text[i];
            }
        }));
}
