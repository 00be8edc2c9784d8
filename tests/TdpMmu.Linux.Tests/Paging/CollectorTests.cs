namespace TdpMmu.Linux.Tests;

/// <summary>
/// A collection stops all managed threads, and so the fault handler; a thread that waits for the handler inside a plain load cannot be stopped. Both
/// ways run in child processes, since the second one freezes for ever.
/// </summary>
public sealed class CollectorTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_frozen = TimeSpan.FromSeconds(5);

    public CollectorTests()
    {
        Machine.RequireUserfault();
    }

    [Fact]
    public void PopulatingInASystemCallSurvivesCollections()
    {
        using ChildProcess child = ChildProcess.Start(ChildParts.CollectWhilePopulating);
        Assert.True(child.WaitForExit(s_limit), "The child hangs.");
        Assert.Equal(0, child.ExitCode);
        Assert.Contains(ChildParts.Done, child.Output.ReadToEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void APlainLoadOfAMissingPageFreezesTheProcess()
    {
        using ChildProcess child = ChildProcess.Start(ChildParts.CollectWhileLoading);
        Assert.Equal(ChildParts.Touching, child.Output.ReadLine());
        Assert.False(child.WaitForExit(s_frozen), "The runtime can stop a thread in the middle of a page fault: the rule about system calls may be relaxed.");
    }
}
