using System.Diagnostics.CodeAnalysis;

namespace TdpMmu.Cli.Parsing;

/// <summary>The names that an option accepts for the values of an enumeration; the same names appear in tables and JSON.</summary>
/// <typeparam name="T">The enumeration.</typeparam>
internal sealed class NamedChoices<T>(params (string Name, T Value)[] choices)
    where T : struct, Enum
{
    /// <summary>All names, as help and error messages list them.</summary>
    public string Listed { get; } = string.Join("|", choices.Select(choice => choice.Name));

    /// <summary>The names in words: <c>a, b or c</c>.</summary>
    private string InWords { get; } = choices.Length == 1
        ? choices[0].Name
        : string.Join(", ", choices[..^1].Select(choice => choice.Name)) + " or " + choices[^1].Name;

    public string NameOf(T value)
    {
        foreach ((string name, T candidate) in choices)
        {
            if (EqualityComparer<T>.Default.Equals(candidate, value))
            {
                return name;
            }
        }

        throw new ArgumentOutOfRangeException(nameof(value), value, "This value has no name on the command line.");
    }

    public bool TryParse(string text, out T value, [NotNullWhen(false)] out string? error)
    {
        foreach ((string name, T candidate) in choices)
        {
            if (string.Equals(name, text, StringComparison.OrdinalIgnoreCase))
            {
                (value, error) = (candidate, null);
                return true;
            }
        }

        (value, error) = (default, $"'{text}' is not known here; choose {InWords}");
        return false;
    }

    /// <summary>Parses names separated by commas; each may appear once.</summary>
    public bool TryParseList(string text, out IReadOnlyList<T> values, [NotNullWhen(false)] out string? error)
    {
        var list = new List<T>();
        values = list;
        foreach (string name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!TryParse(name, out T value, out error))
            {
                return false;
            }

            if (list.Contains(value))
            {
                error = $"'{name}' is listed twice; list each once, separated by commas";
                return false;
            }

            list.Add(value);
        }

        error = null;
        return true;
    }
}
