using TdpMmu.Interleaving;

namespace TdpMmu.Verification.Tests.Checking;

/// <summary>The scenarios as a whole: that each runs, that some are explored to the end, and what the runner makes of them.</summary>
public sealed class ScenarioTests
{
    [Fact]
    public void EveryScenarioRunsUnderSomeRandomSchedules()
    {
        var plan = CheckPlan.Create(new CheckOptions { Memory = [MemoryModel.TotalStoreOrder], Locks = [LockPolicyKind.ReadWrite] });

        Assert.All(plan.Items, static item =>
        {
            var report = Exploration.Of(execution => item.Scenario.Arrange(execution, item.Variant, item.Policy), item.Memory, executions: 20, ExplorationStrategy.Pct);
            Assert.Equal(20, report.Executions);
            Assert.True(report.Finding is null, $"{item.Program}: {report.Finding?.Message}\n{report.Finding?.FormatTrace()}");
        });
    }

    [Theory]
    [InlineData("fault-present-table+zap", LockPolicyKind.Rcu)]
    [InlineData("first-write+harvest-dirty-log", LockPolicyKind.Rcu)]
    [InlineData("fault-present-table+invalidate", LockPolicyKind.Monolithic)]
    [InlineData("epoch", LockPolicyKind.Rcu, "reader+replacer+replacer")]
    public void AScenarioIsExploredToTheEnd(string scenario, LockPolicyKind policy, string? variant = null)
    {
        var found = ScenarioCatalog.All.Single(candidate => candidate.Name == scenario);
        var index = variant is null ? 0 : found.Variants.ToList().IndexOf(variant);
        var report = Exploration.Of(execution => found.Arrange(execution, index, policy), executions: 40_000);

        Assert.Null(report.Finding);
        Assert.True(report.IsExhausted, $"{report.Executions} executions, {report.Bound}");
    }

    [Fact]
    public void WhatTheFirstRoundCutsIsSeenToTheEndInALaterOne()
    {
        // Some ten thousand executions beside a few dozen: more than the first round gives anybody, and little beside all the time there is.
        var options = new CheckOptions
        {
            Scenarios = ["first-write+invalidate", "fault-missing-page+store-large"],
            Memory = [MemoryModel.TotalStoreOrder],
            Locks = [LockPolicyKind.Rcu],
            Time = TimeSpan.FromMinutes(2),
        };
        var plan = CheckPlan.Create(options);
        var explorations = 0;

        var results = CheckRunner.Run(options, plan, _ => explorations++, TestContext.Current.CancellationToken);

        Assert.Equal(plan.Count, results.Count);
        Assert.True(explorations > plan.Count);
        Assert.All(results, static result => Assert.True(result.Report.IsExhausted, $"{result.Report.Program}: {result.Report.Bound}"));
    }

    [Fact]
    public void WhatThereIsNoTimeForDoesNotBegin()
    {
        var options = new CheckOptions { Memory = [MemoryModel.TotalStoreOrder], Locks = [LockPolicyKind.Rcu], Time = TimeSpan.Zero };

        Assert.Empty(CheckRunner.Run(options, CheckPlan.Create(options), cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void AListNamesWhatFitsThePatterns()
    {
        Assert.Equal("zap+zap", Assert.Single(CheckPlan.List(["zap+zap"])).Name);
        Assert.All(CheckPlan.List(["*+host-read"]), static scenario => Assert.EndsWith("+host-read", scenario.Name, StringComparison.Ordinal));
        Assert.Equal(ScenarioCatalog.All.Count, CheckPlan.List([]).Count);
    }

    [Fact]
    public void TheSameExplorationTakesTheSameSteps()
    {
        var found = ScenarioCatalog.All.Single(static candidate => candidate.Name == "fast-fault+zap");
        var first = Exploration.Of(execution => found.Arrange(execution, 0, LockPolicyKind.Rcu), executions: 500);
        var second = Exploration.Of(execution => found.Arrange(execution, 0, LockPolicyKind.Rcu), executions: 500);

        Assert.Equal((first.Executions, first.Steps, first.Pruned, first.Operations), (second.Executions, second.Steps, second.Pruned, second.Operations));
    }

    [Fact]
    public void APatternThatFitsNothingIsRefused() =>
        Assert.Throws<ArgumentException>(static () => CheckPlan.Create(new CheckOptions { Scenarios = ["no-such-*"] }));

    [Fact]
    public void NamesAreUniqueAndEveryPairOfOperationsIsThere()
    {
        var names = ScenarioCatalog.All.Select(static scenario => scenario.Name).ToList();
        Assert.Equal(names.Count, names.Distinct(StringComparer.Ordinal).Count());
        foreach (var first in ScenarioCatalog.Operations)
        {
            foreach (var second in ScenarioCatalog.Operations)
            {
                Assert.True(names.Contains($"{first.Name}+{second.Name}") || names.Contains($"{second.Name}+{first.Name}"), $"{first.Name} and {second.Name}");
            }
        }
    }
}
