using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>Explores a protocol under both memory models.</summary>
internal static class Exploration
{
    private static readonly MemoryModel[] s_models = [MemoryModel.SequentiallyConsistent, MemoryModel.TotalStoreOrder];

    /// <summary>Checks that every schedule is fine.</summary>
    internal static void Exhaust(Action<Execution> arrange)
    {
        foreach (var report in Explore(arrange, long.MaxValue, preemptions: 0))
        {
            Assert.True(report.Finding is null, Describe(report));
            Assert.True(report.IsExhausted, report.Bound);
        }
    }

    /// <summary>Checks that every schedule with few preemptions is fine, of a program that has too many of them.</summary>
    /// <param name="arrange">Arranges the program.</param>
    /// <param name="preemptions">How many preemptions.</param>
    internal static void Bound(Action<Execution> arrange, int preemptions)
    {
        foreach (var memory in s_models)
        {
            var options = new ExplorationOptions { Memory = memory, Strategy = ExplorationStrategy.Preemptions, Preemptions = preemptions };
            var report = new Explorer().Explore("protocol", arrange, options, TestContext.Current.CancellationToken);
            Show(report);
            Assert.True(report.Finding is null, Describe(report));
            Assert.True(report.IsComplete, report.Bound);
        }
    }

    /// <summary>Checks that the explorer finds what is wrong.</summary>
    /// <param name="message">Part of what it says.</param>
    /// <param name="arrange">Arranges the program.</param>
    /// <param name="memory">The memory model.</param>
    internal static void AssertFound(string message, Action<Execution> arrange, MemoryModel memory = MemoryModel.TotalStoreOrder)
    {
        var report = new Explorer().Explore("protocol", arrange, new ExplorationOptions { Memory = memory }, TestContext.Current.CancellationToken);
        Show(report);
        Assert.NotNull(report.Finding);
        Assert.Contains(message, report.Finding.Message, StringComparison.Ordinal);
    }

    /// <summary>Words of the execution's memory, each on a line of its own.</summary>
    internal static AtomicWord[] AllocateWords(this Execution execution, int count)
    {
        var first = execution.Allocate((nuint)count * NativeBlock.LineBytes);
        return [.. Enumerable.Range(0, count).Select(index => At(first + (index * NativeBlock.LineBytes)))];
    }

    // SAFETY: the address is that of a word in the execution's own memory.
    internal static unsafe AtomicWord At(nint address) => new((void*)address);

    private static IEnumerable<ExplorationReport> Explore(Action<Execution> arrange, long executions, int preemptions)
    {
        foreach (var memory in s_models)
        {
            var options = new ExplorationOptions { Memory = memory, ExecutionLimit = executions, Preemptions = preemptions };
            var report = new Explorer().Explore("protocol", arrange, options, TestContext.Current.CancellationToken);
            Show(report);
            yield return report;
        }
    }

    private static void Show(ExplorationReport report) => TestContext.Current.TestOutputHelper?.WriteLine(
        $"{report.Executions} executions, {report.Pruned} pruned, {report.Operations} operations, {report.Steps} steps, longest {report.LongestExecution}, {(report.IsExhausted ? "exhausted" : report.Bound)}, {report.Elapsed.TotalSeconds:F2} s");

    private static string Describe(ExplorationReport report) => $"{report.Finding?.Message}\n{report.Finding?.FormatTrace()}";
}
