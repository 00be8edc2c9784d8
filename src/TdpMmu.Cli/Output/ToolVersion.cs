using System.Reflection;

namespace TdpMmu.Cli.Output;

/// <summary>Name and version of this tool, as JSON results carry them.</summary>
internal static class ToolVersion
{
    public const string Tool = "tdpmmu";

    /// <summary>Version of the results' layout: raised when a field changes its meaning or goes away, not when one is added.</summary>
    public const int SchemaVersion = 1;

    /// <summary>The product version without the build's commit.</summary>
    public static string Version { get; } = (typeof(ToolVersion).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];
}
