using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace TdpMmu.Cli.Parsing;

/// <summary>Makes options whose every wrong value ends in one line that names the option, the value and what would be right.</summary>
internal static class Options
{
    private delegate bool ValueParser<T>(string text, out T value, out string error);

    public static ValueOption<int> Count(string name, string description, int minimum, int maximum, int defaultValue)
        => Create(name, description, "N", defaultValue, defaultValue.ToString(CultureInfo.InvariantCulture), (string text, out int value, out string error) =>
        {
            bool isNumber = int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
            bool isInRange = isNumber && value >= minimum && value <= maximum;
            error = isInRange
                ? string.Empty
                : string.Create(CultureInfo.InvariantCulture, $"'{text}' is not a whole number from {minimum} to {maximum}; write for example {name} {defaultValue}");
            return isInRange;
        });

    /// <summary>Whole numbers separated by commas, in ascending order; null if the option is not given.</summary>
    public static ValueOption<IReadOnlyList<int>?> CountList(string name, string description, int minimum, int maximum)
        => Create<IReadOnlyList<int>?>(name, description, "LIST", null, null, (string text, out IReadOnlyList<int>? value, out string error) =>
        {
            var numbers = new List<int>();
            foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
            {
                if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < minimum || number > maximum || (numbers.Count > 0 && number <= numbers[^1]))
                {
                    (value, error) = (null, string.Create(CultureInfo.InvariantCulture, $"'{text}' is not a list of ascending whole numbers from {minimum} to {maximum}; write for example {name} 1,2,4,8"));
                    return false;
                }

                numbers.Add(number);
            }

            (value, error) = (numbers, string.Empty);
            return true;
        });

    /// <summary>A name, or the path of a file; null if the option is not given.</summary>
    public static ValueOption<string?> Text(string name, string description, string helpName)
        => Create<string?>(name, description, helpName, null, null, (string text, out string? value, out string error) =>
        {
            (value, error) = (text, $"the name is empty; write for example {name} results");
            return text.Length > 0;
        });

    public static ValueOption<ulong> Size(string name, string description, ulong minimum, ulong maximum, ulong multipleOf, ulong defaultValue)
        => Create(name, description, "SIZE", defaultValue, ByteSize.Exact(defaultValue), (string text, out ulong value, out string error) =>
        {
            if (!ByteSize.TryParse(text, out value, out error))
            {
                return false;
            }

            if (value < minimum || value > maximum)
            {
                error = $"'{text}' is out of range; write a size from {ByteSize.Exact(minimum)} to {ByteSize.Exact(maximum)}";
                return false;
            }

            if (value % multipleOf != 0)
            {
                error = $"'{text}' is not a whole number of pages; write a multiple of {ByteSize.Exact(multipleOf)}";
                return false;
            }

            return true;
        });

    public static ValueOption<T> Choice<T>(string name, string description, NamedChoices<T> choices, T defaultValue)
        where T : struct, Enum
        => Create(name, description, choices.Listed, defaultValue, choices.NameOf(defaultValue), (string text, out T value, out string error) =>
        {
            bool isKnown = choices.TryParse(text, out value, out string? reason);
            error = reason ?? string.Empty;
            return isKnown;
        });

    public static ValueOption<IReadOnlyList<T>> ChoiceList<T>(string name, string description, NamedChoices<T> choices, params T[] defaultValue)
        where T : struct, Enum
        => Create<IReadOnlyList<T>>(name, description, "LIST of " + choices.Listed, defaultValue, string.Join(',', defaultValue.Select(choices.NameOf)), (string text, out IReadOnlyList<T> value, out string error) =>
        {
            bool isKnown = choices.TryParseList(text, out value, out string? reason);
            error = reason ?? string.Empty;
            return isKnown;
        });

    /// <summary>A length of time such as <c>500ms</c>, <c>60s</c>, <c>4m</c> or <c>2h</c>.</summary>
    public static ValueOption<TimeSpan> Duration(string name, string description, TimeSpan defaultValue)
        => Create(name, description, "TIME", defaultValue, string.Create(CultureInfo.InvariantCulture, $"{defaultValue.TotalSeconds}s"), (string text, out TimeSpan value, out string error) =>
        {
            string unit = text.TrimStart("0123456789".ToCharArray());
            bool isNumber = int.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0;
            value = unit switch
            {
                "ms" => TimeSpan.FromMilliseconds(number),
                "s" => TimeSpan.FromSeconds(number),
                "m" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => default,
            };
            bool isDuration = isNumber && value > TimeSpan.Zero && value <= TimeSpan.FromDays(30);
            error = isDuration ? string.Empty : $"'{text}' is not a length of time; write for example {name} 60s, 4m or 2h";
            return isDuration;
        });

    /// <summary>An option that names a file.</summary>
    public static ValueOption<string?> File(string name, string description)
        => Create<string?>(name, description, "FILE", null, null, (string text, out string? value, out string error) =>
        {
            (value, error) = (text, $"the file has no name; write for example {name} finding.replay.json");
            return text.Length > 0;
        });

    /// <summary>The option of every verb that writes its results for programs.</summary>
    public static ValueOption<string?> Json()
        => Create<string?>("--json", "Write the results as JSON to this file; - is standard output, and then nothing else is printed there", "FILE", null, null,
            (string text, out string? value, out string error) =>
            {
                (value, error) = (text, "the file has no name; write for example --json results.json");
                return text.Length > 0;
            });

    private static ValueOption<T> Create<T>(string name, string description, string helpName, T defaultValue, string? defaultText, ValueParser<T> parser)
        => new(name, defaultValue)
        {
            // The parser's own way to print a default value shows numbers and enumeration members, which it would not accept back.
            Description = defaultText is null ? description : $"{description} [default: {defaultText}]",
            HelpName = helpName,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result => Parse(name, result, parser),
        };

    private static T? Parse<T>(string name, ArgumentResult result, ValueParser<T> parser)
    {
        if (result.Tokens.Count == 0)
        {
            result.AddError($"{name} needs a value");
            return default;
        }

        if (parser(result.Tokens[0].Value, out T value, out string error))
        {
            return value;
        }

        result.AddError($"{name}: {error}");
        return default;
    }
}
