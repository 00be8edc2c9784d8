using Spectre.Console;

namespace TdpMmu.Cli.Output;

/// <summary>Where a verb prints: standard output for results, standard error for complaints and progress.</summary>
internal sealed class CommandConsole(TextWriter standardOutput, TextWriter standardError, bool outputIsTerminal, bool errorIsTerminal)
{
    /// <summary>Width of tables that no terminal limits.</summary>
    private const int RedirectedWidth = 160;

    public static CommandConsole OfProcess { get; } = new(Console.Out, Console.Error, !Console.IsOutputRedirected, !Console.IsErrorRedirected);

    public TextWriter StandardOutput { get; } = standardOutput;

    public TextWriter StandardError { get; } = standardError;

    public bool ErrorIsTerminal { get; } = errorIsTerminal;

    /// <summary>Prints a table on standard output: with the terminal's abilities there, and as plain text without padding anywhere else.</summary>
    public void PrintTable(Table table)
    {
        if (outputIsTerminal)
        {
            CreateConsole(StandardOutput, AnsiSupport.Detect, ColorSystemSupport.Detect).Write(table);
            return;
        }

        using var text = new StringWriter();
        IAnsiConsole console = CreateConsole(text, AnsiSupport.No, ColorSystemSupport.NoColors);
        console.Profile.Width = RedirectedWidth;
        console.Write(table);
        foreach (ReadOnlySpan<char> line in text.ToString().AsSpan().Trim('\n').EnumerateLines())
        {
            StandardOutput.WriteLine(line.TrimEnd().ToString());
        }
    }

    public void PrintLine(string line) => StandardOutput.WriteLine(line);

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

    private static IAnsiConsole CreateConsole(TextWriter writer, AnsiSupport ansi, ColorSystemSupport colors) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(writer),
        Ansi = ansi,
        ColorSystem = colors,
        Interactive = InteractionSupport.No,
    });
}
