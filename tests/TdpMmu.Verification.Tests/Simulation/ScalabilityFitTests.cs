namespace TdpMmu.Verification.Simulation.Tests;

public sealed class ScalabilityFitTests
{
    private static readonly int[] s_processors = [1, 2, 4, 8, 16, 32, 64, 128];

    [Theory]
    [InlineData(1000, 0.05, 0.0002)]
    [InlineData(138_000, 0.79, 0.01)]
    [InlineData(252_000, 0.063, 0)]
    public void ALawIsFoundAgainInItsOwnValues(double lambda, double sigma, double kappa)
    {
        var law = new ScalabilityFit(lambda, sigma, kappa);
        var points = s_processors.Select(count => (count, law.At(count))).ToArray();

        var fit = ScalabilityFit.Of(points);

        Assert.NotNull(fit);
        Assert.Equal(lambda, fit.Lambda, tolerance: lambda * 1e-6);
        Assert.Equal(sigma, fit.Sigma, tolerance: 1e-6);
        Assert.Equal(kappa, fit.Kappa, tolerance: 1e-6);
    }

    [Fact]
    public void ACurveThatGrowsWithoutLossHasNoNegativeTerms()
    {
        var fit = ScalabilityFit.Of([(1, 100), (2, 201), (4, 403), (8, 805)]);

        Assert.NotNull(fit);
        Assert.True(fit.Sigma >= 0);
        Assert.True(fit.Kappa >= 0);
    }

    [Fact]
    public void TwoPointsAreTooFew() => Assert.Null(ScalabilityFit.Of([(1, 100), (2, 190)]));
}
