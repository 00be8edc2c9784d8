namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>What a strategy saw of a program.</summary>
/// <param name="Ends">The final states, each with the fewest preemptions under which it was seen.</param>
/// <param name="Orders">The executions that were looked at to their end, each as the order of those of its steps that matter to each other.</param>
/// <param name="Failure">What went wrong, or null.</param>
/// <param name="Executions">How many it took.</param>
/// <param name="IsComplete">Whether the strategy came to its end.</param>
internal sealed record Exhaustion(IReadOnlyDictionary<string, int> Ends, IReadOnlySet<string> Orders, string? Failure, long Executions, bool IsComplete)
{
    private const long ExecutionLimit = 60_000;

    private static readonly TdpMmu.Interleaving.Explorer s_explorer = new();

    internal static Exhaustion Of(SmallProgram program, MemoryModel memory, SearchStrategy strategy, bool forgets = false)
    {
        var ends = new Dictionary<string, int>(StringComparer.Ordinal);
        var orders = new HashSet<string>(StringComparer.Ordinal);
        var controller = s_explorer.Begin(memory);
        var search = new Search(controller, "", execution => program.Arrange(execution, Note, forgets), new ExplorationOptions(), TestContext.Current.CancellationToken);
        var complete = search.RunStage(strategy, ExecutionLimit, TimeSpan.MaxValue);
        var failure = search.Failure switch
        {
            null => null,
            { Message: var message } when message.Contains("quarantine", StringComparison.Ordinal) => SmallProgram.Forbidden,
            { Message: var message } when message.StartsWith("Deadlock", StringComparison.Ordinal) => SmallProgram.Deadlock,
            var other => other.ToString(),
        };
        return new Exhaustion(ends, orders, failure, search.Executions, complete);

        void Note(string end)
        {
            // What is learnt to be shared in this execution was not treated as such until then.
            if (!controller.HasDiscoveredPoints && (!ends.TryGetValue(end, out var known) || controller.Preemptions < known))
            {
                ends[end] = controller.Preemptions;
            }

            if (controller.HasDiscovered)
            {
                // The search starts over, with other steps.
                orders.Clear();
            }
            else if (!strategy.ComparesStates && strategy is not PartialOrderSearch { GaveUp: true })
            {
                orders.Add(OrderOf(controller));
            }
        }
    }

    // Who wrote each location in which order, and which write each read saw. That a locked operation waited for its thread's stores although
    // nobody else looks at what it does itself is no difference, nor is behind what a wait came to its end.
    private static string OrderOf(SchedulingController controller)
    {
        var counts = new int[2 * ScheduledThread.Most];
        var names = new string[controller.Events.Count];
        for (var index = 0; index < names.Length; index++)
        {
            var step = controller.Events[index];
            names[index] = $"{step.Actor}.{(step.AccessCount == 0 ? 0 : ++counts[step.Actor])}";
        }

        var writes = new SortedDictionary<nint, List<int>>();
        var reads = new SortedSet<string>(StringComparer.Ordinal);
        for (var index = 0; index < names.Length; index++)
        {
            foreach (var access in controller.AccessesOf(controller.Events[index]))
            {
                if (!writes.TryGetValue(access.Key, out var order))
                {
                    writes[access.Key] = order = [];
                }

                if (access.IsWrite)
                {
                    order.Add(index);
                }
                else if (access.Kind != AccessKind.Await)
                {
                    var source = BufferedBy(controller, index, access.Key) ?? (order.Count == 0 ? -1 : order[^1]);
                    reads.Add($"{names[index]} at {access.Key:x} after {(source < 0 ? "nobody" : names[source])}");
                }
            }
        }

        return string.Join('\n', writes.Select(word => $"{word.Key:x}: {string.Join(' ', word.Value.Select(index => names[index]))}").Concat(reads));
    }

    // The later step in which the store reaches memory that the thread of a step sees in its own buffer.
    private static int? BufferedBy(SchedulingController controller, int index, nint word)
    {
        if (controller.Events[index].Actor >= ScheduledThread.Most)
        {
            return null;
        }

        var thread = controller.Threads[controller.Events[index].Actor];
        for (var store = thread.StoresAfter.Count - 1; store >= 0; store--)
        {
            var flush = thread.Flushes[store];
            if (thread.StoresAfter[store] < controller.Order.OrdinalOf(index) && (controller.Events[flush].Address & ~7) == word)
            {
                return flush > index ? flush : null;
            }
        }

        return null;
    }
}
