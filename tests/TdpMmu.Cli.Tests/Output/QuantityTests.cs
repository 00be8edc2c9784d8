using TdpMmu.Cli.Output;

namespace TdpMmu.Cli.Tests.Output;

public sealed class QuantityTests
{
    [Fact]
    public void RatioWithoutMeaningIsNull()
    {
        Assert.Null(Quantity.Ratio(0, 0));
        Assert.Null(Quantity.Ratio(1, 0));
        Assert.Equal(0.5, Quantity.Ratio(1, 2));
    }

    [Fact]
    public void ValueWithoutMeaningIsADash()
    {
        Assert.Equal("-", Quantity.Percent(null));
        Assert.Equal("-", Quantity.Seconds(null));
        Assert.Equal("-", Quantity.PerSecond(null));
        Assert.Equal("-", Quantity.Nanoseconds(null));
    }

    [Theory]
    [InlineData(999UL, "999 ns")]
    [InlineData(1_500UL, "1.50 us")]
    [InlineData(2_500_000UL, "2.50 ms")]
    [InlineData(3_000_000_000UL, "3.00 s")]
    public void LatenciesChooseTheirUnit(ulong nanoseconds, string expected) => Assert.Equal(expected, Quantity.Nanoseconds(nanoseconds));
}
