using System.CommandLine;

namespace TdpMmu.Cli.Parsing;

/// <summary>An option that has a value whether or not it is given.</summary>
/// <typeparam name="T">The value's type.</typeparam>
internal sealed class ValueOption<T>(string name, T defaultValue) : Option<T>(name)
{
    public bool IsGivenIn(ParseResult result) => result.GetResult(this) is { Implicit: false };

    public T ValueIn(ParseResult result) => IsGivenIn(result) ? result.GetValue(this)! : defaultValue;
}
