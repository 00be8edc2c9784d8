using TdpMmu.Cli.DemandPaging;

namespace TdpMmu.Cli.Tests.DemandPaging;

public sealed class PairedComparisonTests
{
    [Fact]
    public void PairsRunsOfTheSameRound()
    {
        // The machine doubles its speed between rounds: unpaired medians would see that, paired ratios do not.
        DemandPagingRunReport[] runs =
        [
            Run("direct", 0, 200), Run("legacy", 0, 100),
            Run("direct", 1, 400), Run("legacy", 1, 200),
            Run("direct", 2, 900), Run("legacy", 2, 300),
        ];

        ComparisonReport comparison = Assert.Single(PairedComparison.Compare(runs));

        Assert.Equal(("direct", "legacy", 3), (comparison.Mmu, comparison.Against, comparison.Pairs));
        Assert.Equal((2.0, 2.0, 3.0), (comparison.MedianRatio, comparison.MinRatio, comparison.MaxRatio));
    }

    [Fact]
    public void EvenNumberOfPairsTakesTheMiddle()
    {
        DemandPagingRunReport[] runs = [Run("direct", 0, 100), Run("none", 0, 100), Run("direct", 1, 200), Run("none", 1, 100)];

        Assert.Equal(1.5, Assert.Single(PairedComparison.Compare(runs)).MedianRatio);
    }

    [Fact]
    public void FailedRunsAreLeftOut()
    {
        DemandPagingRunReport[] runs = [Run("direct", 0, 100), Run("legacy", 0, null), Run("direct", 1, 100), Run("legacy", 1, 50)];

        ComparisonReport comparison = Assert.Single(PairedComparison.Compare(runs));
        Assert.Equal((1, 2.0), (comparison.Pairs, comparison.MedianRatio));
        Assert.Empty(PairedComparison.Compare(runs[..2]));
    }

    private static DemandPagingRunReport Run(string mmu, int repeat, double? pagesPerSecond) => new()
    {
        Mmu = mmu,
        Lock = null,
        Format = null,
        Repeat = repeat,
        Vcpus = 1,
        MemoryPerVcpuBytes = 4096,
        Source = "resident",
        Handlers = null,
        Pages = 1,
        GuestBytes = 4096,
        PagesPerSecond = pagesPerSecond,
    };
}
