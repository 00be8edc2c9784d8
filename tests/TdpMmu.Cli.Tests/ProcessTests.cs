using System.Diagnostics;
using System.Globalization;
using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.Tests;

/// <summary>The tool as a process of its own: what signals and limits do to it.</summary>
public sealed class ProcessTests
{
    private static readonly string s_tool = Path.Combine(AppContext.BaseDirectory, "tdpmmu.dll");
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task SignalEndsARunningVerbWith130(string signal)
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("the test watches the process through /proc");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        using Process tool = StartTool("demand-paging", "--source", "anonymous", "--mmu", "none", "--repeat", "1000");
        try
        {
            // The verb's thread is there once the handlers of signals are.
            while (!HasThread(tool, "demand-paging"))
            {
                Assert.False(tool.HasExited, "the tool ended by itself");
                await Task.Delay(10, limit.Token);
            }

            using Process kill = Process.Start("kill", ["-" + signal, tool.Id.ToString(CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync(limit.Token);
            string output = await tool.StandardOutput.ReadToEndAsync(limit.Token);
            string error = await tool.StandardError.ReadToEndAsync(limit.Token);
            await tool.WaitForExitAsync(limit.Token);

            Assert.Equal(ExitCode.Interrupted, tool.ExitCode);
            Assert.Equal("tdpmmu: interrupted\n", error);
            Assert.Empty(output);
        }
        finally
        {
            if (!tool.HasExited)
            {
                tool.Kill();
            }
        }
    }

    [Fact]
    public async Task ExitCodeReachesTheShell()
    {
        using Process tool = StartTool("demand-paging", "--vcpus", "none");
        string error = await tool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tool.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ExitCode.Usage, tool.ExitCode);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task TooFewDescriptorsAreRefusedBeforeAnythingStarts()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("the limit is set by a POSIX shell");
        }

        // The runtime itself needs some; sixty-four handlers need two each.
        using Process tool = Start("/bin/sh", "-c", "ulimit -n 150 && exec dotnet \"$0\" demand-paging --vcpus 64 --memory-per-vcpu 64KiB", s_tool);
        string error = await tool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await tool.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(ExitCode.MissingResource, tool.ExitCode);
        Assert.Contains("file descriptors", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }

    private static Process StartTool(params string[] arguments) => Start("dotnet", [s_tool, .. arguments]);

    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    private static bool HasThread(Process process, string name)
    {
        try
        {
            return Directory.EnumerateDirectories($"/proc/{process.Id}/task").Any(task => File.ReadAllText(Path.Combine(task, "comm")).Trim() == name);
        }
        catch (IOException)
        {
            // A thread, or the process, went away while being looked at.
            return false;
        }
    }
}
