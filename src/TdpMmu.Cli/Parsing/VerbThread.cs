using System.Runtime.ExceptionServices;

namespace TdpMmu.Cli.Parsing;

/// <summary>Runs a verb on a thread of its own.</summary>
/// <remarks>
/// A verb pins threads and blocks for long. On its own thread neither the main thread's affinity nor the signal handling of the
/// process is touched by that, and what it throws still reaches the caller.
/// </remarks>
internal static class VerbThread
{
    public static int Run(string name, Func<int> verb)
    {
        int exitCode = ExitCode.Failed;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                exitCode = verb();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        { Name = name };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return exitCode;
    }
}
