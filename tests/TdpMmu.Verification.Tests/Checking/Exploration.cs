using TdpMmu.Interleaving;

namespace TdpMmu.Verification.Tests.Checking;

/// <summary>Explores small programs for tests.</summary>
internal static class Exploration
{
    /// <summary>Explores until a finding or the limit.</summary>
    internal static ExplorationReport Of(Action<Execution> arrange, MemoryModel memory = MemoryModel.TotalStoreOrder, long executions = 2_000, ExplorationStrategy strategy = ExplorationStrategy.Exhaustive)
    {
        ExplorationReport? report = null;
        Exception? failure = null;

        // On a thread of its own: an explorer pins the one that it runs on.
        var thread = new Thread(() =>
        {
            try
            {
                report = new Explorer().Explore("test", arrange, new ExplorationOptions { Memory = memory, ExecutionLimit = executions, Strategy = strategy, Seed = 7 });
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromMinutes(2)), "the exploration does not end");
        Assert.Null(failure);
        return report!;
    }
}
