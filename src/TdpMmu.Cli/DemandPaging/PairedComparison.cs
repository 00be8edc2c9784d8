namespace TdpMmu.Cli.DemandPaging;

/// <summary>Compares MMUs by the median of ratios within a round, because the machine's speed drifts between rounds.</summary>
internal static class PairedComparison
{
    /// <summary>The first MMU of the list against each of the others. Rounds in which one of the two failed are left out.</summary>
    public static IReadOnlyList<ComparisonReport> Compare(IReadOnlyList<DemandPagingRunReport> runs)
    {
        string[] mmus = [.. runs.Select(run => run.Mmu).Distinct(StringComparer.Ordinal)];
        var comparisons = new List<ComparisonReport>();
        foreach (string other in mmus.Skip(1))
        {
            double[] ratios = [.. from first in runs
                                  where first.Mmu == mmus[0]
                                  from second in runs
                                  where second.Mmu == other && second.Repeat == first.Repeat
                                  where first.PagesPerSecond is > 0 && second.PagesPerSecond is > 0
                                  select first.PagesPerSecond.GetValueOrDefault() / second.PagesPerSecond.GetValueOrDefault()];
            if (ratios.Length == 0)
            {
                continue;
            }

            Array.Sort(ratios);
            comparisons.Add(new ComparisonReport
            {
                Mmu = mmus[0],
                Against = other,
                Pairs = ratios.Length,
                MedianRatio = Median(ratios),
                MinRatio = ratios[0],
                MaxRatio = ratios[^1],
            });
        }

        return comparisons;
    }

    private static double Median(double[] sorted)
        => sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
}
