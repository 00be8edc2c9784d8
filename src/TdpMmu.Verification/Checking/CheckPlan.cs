using System.Globalization;
using System.IO.Enumeration;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>The explorations that a check consists of.</summary>
public sealed class CheckPlan
{
    private CheckPlan(IReadOnlyList<Item> items) => Items = items;

    /// <summary>How many explorations there are.</summary>
    public int Count => Items.Count;

    internal IReadOnlyList<Item> Items { get; }

    /// <summary>Names and summaries of scenarios.</summary>
    /// <param name="patterns">Names or patterns as in <see cref="CheckOptions.Scenarios"/>; all if there are none.</param>
    public static IReadOnlyList<(string Name, string Summary, int Variants)> List(IReadOnlyList<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        return [.. Chosen(patterns).Select(static scenario => (scenario.Name, scenario.Summary, scenario.Variants.Count))];
    }

    /// <summary>Makes the plan for a check.</summary>
    /// <param name="options">What is to be checked.</param>
    /// <exception cref="ArgumentException">A name fits no scenario.</exception>
    public static CheckPlan Create(CheckOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        foreach (var pattern in options.Scenarios)
        {
            if (!ScenarioCatalog.All.Any(scenario => Fits(pattern, scenario)))
            {
                throw new ArgumentException($"No scenario is called '{pattern}'.", nameof(options));
            }
        }

        return new CheckPlan([.. Chosen(options.Scenarios).SelectMany(scenario => ItemsOf(scenario, options))]);
    }

    /// <summary>Finds the exploration that a replay file was recorded of.</summary>
    /// <exception cref="InvalidDataException">There is no such scenario.</exception>
    internal static Item Find(string program) =>
        ScenarioCatalog.All
            .SelectMany(static scenario => ItemsOf(scenario, new CheckOptions()))
            .FirstOrDefault(item => item.Program == program)
        ?? throw new InvalidDataException($"The replay file is of '{program}', which is no scenario of this version.");

    private static IEnumerable<Scenario> Chosen(IReadOnlyList<string> patterns) =>
        ScenarioCatalog.All.Where(scenario => patterns.Count == 0 || patterns.Any(pattern => Fits(pattern, scenario)));

    private static bool Fits(string pattern, Scenario scenario) => FileSystemName.MatchesSimpleExpression(pattern, scenario.Name, ignoreCase: false);

    private static IEnumerable<Item> ItemsOf(Scenario scenario, CheckOptions options) =>
        from policy in scenario.IgnoresLock ? [LockPolicyKind.Rcu] : options.Locks
        from memory in options.Memory
        from variant in Enumerable.Range(0, scenario.Variants.Count)
        select new Item(scenario, variant, policy, memory);

    internal sealed record Item(Scenario Scenario, int Variant, LockPolicyKind Policy, MemoryModel Memory)
    {
        /// <summary>What replay files call it; the memory model is in them by itself.</summary>
        internal string Program =>
            string.Create(CultureInfo.InvariantCulture, $"{Scenario.Name}/{Scenario.Variants[Variant]}{(Scenario.IgnoresLock ? "" : $"/{Policy}")}");
    }
}
