using System.CommandLine;
using System.CommandLine.Parsing;

namespace TdpMmu.Cli.Parsing;

/// <summary>Turns what the parser found into one line that says what is wrong and how to mend it.</summary>
internal static class ParseErrorText
{
    public static string FirstOf(ParseResult result)
    {
        Command command = result.CommandResult.Command;
        string help = command is RootCommand ? "tdpmmu --help" : $"tdpmmu {command.Name} --help";

        // Unmatched words come first: a misspelt option also makes its value an unmatched word, and only the option is the mistake.
        if (result.UnmatchedTokens.Count > 0)
        {
            string word = result.UnmatchedTokens[0];
            string kind = word.StartsWith("--", StringComparison.Ordinal) ? "option" : command is RootCommand ? "verb" : "argument";
            string? nearest = NearestName(word, command);
            return nearest is null
                ? $"'{word}' is not a known {kind}; see {help}"
                : $"'{word}' is not a known {kind}; did you mean {nearest}? See {help}";
        }

        foreach (OptionResult option in result.CommandResult.Children.OfType<OptionResult>())
        {
            if (option.IdentifierTokenCount > 1)
            {
                return $"{option.Option.Name} is given {option.IdentifierTokenCount} times; give it once";
            }

            if (option is { Implicit: false, Tokens.Count: 0, Option.Arity.MinimumNumberOfValues: > 0 })
            {
                return $"{option.Option.Name} needs a value; write {option.Option.Name} {option.Option.HelpName}";
            }
        }

        if (command is RootCommand && result.Tokens.Count == 0)
        {
            return "no verb is given; write for example tdpmmu demand-paging, or see tdpmmu --help";
        }

        string message = result.Errors[0].Message;
        return message.Contains(';', StringComparison.Ordinal) ? message : $"{message.TrimEnd('.')}; see {help}";
    }

    private static string? NearestName(string word, Command command)
    {
        IEnumerable<string> names = word.StartsWith('-')
            ? command.Options.Select(option => option.Name)
            : command.Subcommands.Select(subcommand => subcommand.Name);
        (string? Name, int Distance) best = (null, int.MaxValue);
        foreach (string name in names)
        {
            int distance = EditDistance(word, name);
            if (distance < best.Distance)
            {
                best = (name, distance);
            }
        }

        return best.Distance <= Math.Max(2, word.Length / 3) ? best.Name : null;
    }

    /// <summary>Levenshtein distance with one row of the table kept; words longer than any name are far from all of them.</summary>
    private static int EditDistance(string left, string right)
    {
        const int LongestWord = 64;
        if (left.Length > LongestWord)
        {
            return int.MaxValue;
        }

        int[] row = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int substitution = diagonal + (left[i - 1] == right[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substitution, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[right.Length];
    }
}
