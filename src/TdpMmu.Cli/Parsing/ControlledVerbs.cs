namespace TdpMmu.Cli.Parsing;

/// <summary>The verbs that run the engine under a controller. The switch for that is read once, before the engine's first operation.</summary>
internal static class ControlledVerbs
{
    private static readonly string[] s_names = ["check", "simulate"];

    /// <summary>Whether the command line begins with one of them.</summary>
    public static bool Contain(IReadOnlyList<string> arguments) => arguments.Count > 0 && s_names.Contains(arguments[0]);
}
