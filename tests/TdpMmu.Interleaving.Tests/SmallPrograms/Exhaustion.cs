namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>What a strategy saw of a program.</summary>
/// <param name="Ends">The final states, each with the fewest preemptions under which it was seen.</param>
/// <param name="Failure">What went wrong, or null.</param>
/// <param name="Executions">How many it took.</param>
/// <param name="IsComplete">Whether the strategy came to its end.</param>
internal sealed record Exhaustion(IReadOnlyDictionary<string, int> Ends, string? Failure, long Executions, bool IsComplete)
{
    private const long ExecutionLimit = 60_000;

    private static readonly TdpMmu.Interleaving.Explorer s_explorer = new();

    internal static Exhaustion Of(SmallProgram program, MemoryModel memory, SearchStrategy strategy)
    {
        var ends = new Dictionary<string, int>(StringComparer.Ordinal);
        var controller = s_explorer.Begin(memory);
        var search = new Search(controller, "", execution => program.Arrange(execution, Note), new ExplorationOptions(), TestContext.Current.CancellationToken);
        var complete = search.RunStage(strategy, ExecutionLimit, TimeSpan.MaxValue);
        var failure = search.Failure switch
        {
            null => null,
            { Message: var message } when message.Contains("quarantine", StringComparison.Ordinal) => SmallProgram.Forbidden,
            { Message: var message } when message.StartsWith("Deadlock", StringComparison.Ordinal) => SmallProgram.Deadlock,
            var other => other.ToString(),
        };
        return new Exhaustion(ends, failure, search.Executions, complete);

        void Note(string end)
        {
            // What is learnt to be shared in this execution was not treated as such until then.
            if (!controller.HasDiscoveredPoints && (!ends.TryGetValue(end, out var known) || controller.Preemptions < known))
            {
                ends[end] = controller.Preemptions;
            }
        }
    }
}
