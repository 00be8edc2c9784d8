using TdpMmu.Concurrency;
using TdpMmu.Interleaving.Tests.Protocols;

namespace TdpMmu.Interleaving.Tests;

/// <summary>A report claims no more than was run.</summary>
public sealed class CoverageTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void WhatIsCutAtOnceIsCompleteWithNothing(int preemptions)
    {
        var report = new Explorer().Explore("cut", Race, new ExplorationOptions { ExecutionLimit = 1, Preemptions = preemptions }, TestContext.Current.CancellationToken);

        Assert.False(report.IsExhausted);
        Assert.False(report.IsComplete);
        Assert.Equal("executions", report.Bound);
    }

    [Fact]
    public void WhatIsSettledForIsCompleteWithAsManyPreemptionsAsItSays()
    {
        // The search for all schedules has some hundred executions, which is too few for it and enough for those without preemptions.
        var report = new Explorer().Explore("settled", Race, new ExplorationOptions { ExecutionLimit = 200, Preemptions = 0 }, TestContext.Current.CancellationToken);

        Assert.False(report.IsExhausted);
        Assert.True(report.IsComplete);
        Assert.Equal("0 preemptions", report.Bound);
    }

    [Fact]
    public void WhatWasCutSaysWhatCutIt()
    {
        var report = new Explorer().Explore("cut", Race, new ExplorationOptions { ExecutionLimit = 200 }, TestContext.Current.CancellationToken);

        Assert.False(report.IsComplete);
        Assert.EndsWith("executions)", report.Bound, StringComparison.Ordinal);
        Assert.Equal(200, report.Executions);
    }

    // Three threads that add to one word, eight times each.
    private static void Race(Execution execution)
    {
        var word = execution.AllocateWords(1)[0];
        for (var thread = 0; thread < 3; thread++)
        {
            execution.AddThread($"adder {thread}", () =>
            {
                for (var turn = 0; turn < 8; turn++)
                {
                    Atomics.Add(word, 1);
                }
            });
        }
    }
}
