using System.Diagnostics;

namespace TdpMmu.Linux.Tests;

/// <summary>Starts this program as a child that may have to be killed.</summary>
internal sealed class ChildProcess : IDisposable
{
    private readonly Process _process;

    private ChildProcess(Process process)
    {
        _process = process;
    }

    internal StreamReader Output => _process.StandardOutput;

    internal int ExitCode => _process.ExitCode;

    internal static ChildProcess Start(string part)
    {
        string host = Environment.ProcessPath!;
        var start = new ProcessStartInfo(host) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(host) == "dotnet")
        {
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        }

        start.ArgumentList.Add(Program.ChildSwitch);
        start.ArgumentList.Add(part);
        return new ChildProcess(Process.Start(start)!);
    }

    internal bool WaitForExit(TimeSpan limit) => _process.WaitForExit(limit);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
