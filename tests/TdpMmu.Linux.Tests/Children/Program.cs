using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace TdpMmu.Linux.Tests;

/// <summary>Runs the tests, or the part of a test that may freeze the process.</summary>
internal static class Program
{
    internal const string ChildSwitch = "--child";

    private static async Task<int> Main(string[] args)
    {
        if (args is [ChildSwitch, var part])
        {
            return ChildParts.Run(part);
        }

        return args.Contains("--server", StringComparer.Ordinal) || args.Contains("--internal-msbuild-node", StringComparer.Ordinal)
            ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await ConsoleRunner.Run(args);
    }
}
