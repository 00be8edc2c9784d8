using System.Diagnostics;

namespace TdpMmu.Cli.Tests;

/// <summary>The tool in a process of its own, to its end.</summary>
internal sealed record ToolRun(int ExitCode, string Output, string Error)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(120);

    public static async Task<ToolRun> OfAsync(params string[] arguments)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        var start = new ProcessStartInfo("dotnet") { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[Path.Combine(AppContext.BaseDirectory, "tdpmmu.dll"), .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using Process tool = Process.Start(start)!;
        try
        {
            Task<string> output = tool.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> error = tool.StandardError.ReadToEndAsync(limit.Token);
            await tool.WaitForExitAsync(limit.Token);
            return new ToolRun(tool.ExitCode, await output, await error);
        }
        finally
        {
            if (!tool.HasExited)
            {
                tool.Kill();
            }
        }
    }
}
