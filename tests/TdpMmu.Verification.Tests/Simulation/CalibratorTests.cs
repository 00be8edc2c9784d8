namespace TdpMmu.Verification.Simulation.Tests;

public sealed class CalibratorTests
{
    [Fact]
    public void AKneeLiesBetweenTheDoublingsAroundHalfOfTheHighest()
    {
        Assert.Equal(1, Calibrator.Knee([(1, 100), (2, 110), (4, 120)]));
        Assert.Equal(4, Calibrator.Knee([(1, 100), (2, 200), (4, 400), (8, 800), (16, 800)]), tolerance: 1e-9);
        Assert.InRange(Calibrator.Knee([(1, 100), (2, 200), (4, 400), (8, 500), (16, 500)]), 2, 4);
    }

    [Fact]
    public void ResidentFaultsOfTheDirectMmuAgreeWithWhatWasMeasured()
    {
        var curve = PublishedExperiments.Measured().First(static curve => curve.Experiment == "resident fault, direct + rcu");

        Assert.All(curve.Points, point => Assert.InRange(
            curve.Simulate(curve.Options with { Vcpus = point.Vcpus }, TestContext.Current.CancellationToken).PagesPerSecond / point.Pages, 0.75, 1.25));
    }
}
