namespace TdpMmu.Verification.Simulation;

/// <summary>
/// Simulates published experiments and compares. What does not fit is reported and not tuned away: a machine has one set of constants,
/// and which of them were fitted to which experiment is said in its file.
/// </summary>
public static class Calibrator
{
    private const ulong Gibibyte = 1UL << 30;

    /// <summary>Runs all experiments; some ten seconds.</summary>
    /// <param name="progress">Told the name of each experiment when it begins; may be null.</param>
    /// <param name="cancellationToken">Gives the experiment that runs up.</param>
    public static CalibrationReport Run(Action<string>? progress, CancellationToken cancellationToken)
    {
        var points = new List<CalibrationPoint>();
        var checks = new List<CalibrationCheck>();
        foreach (var curve in PublishedExperiments.Measured().Concat(PublishedExperiments.Published()))
        {
            progress?.Invoke(curve.Experiment);
            var simulated = new List<(int Vcpus, double Pages)>();
            foreach (var (vcpus, pages) in curve.Points)
            {
                var rate = curve.Simulate(curve.Options with { Vcpus = vcpus }, cancellationToken).PagesPerSecond;
                simulated.Add((vcpus, rate));
                points.Add(new CalibrationPoint(curve.Experiment, curve.Options.Machine.Name, vcpus, pages, rate));
            }

            Compare(curve, simulated, checks);
        }

        progress?.Invoke("parallel faults, 96 vCPUs");
        CompareSkylake(checks, cancellationToken);
        progress?.Invoke("direct MMU, 416 vCPUs");
        CompareProposal(checks, cancellationToken);
        return new CalibrationReport(points, checks);
    }

    /// <summary>The number of vCPUs at which a curve has reached half of its highest value, interpolated over doublings.</summary>
    internal static double Knee(IReadOnlyList<(int Vcpus, double Pages)> curve)
    {
        var half = curve.Max(static point => point.Pages) / 2;
        if (curve[0].Pages >= half)
        {
            return curve[0].Vcpus;
        }

        for (var index = 1; ; index++)
        {
            if (curve[index].Pages >= half)
            {
                var (before, after) = (curve[index - 1], curve[index]);
                var part = Math.Log(half / before.Pages) / Math.Log(after.Pages / before.Pages);
                return before.Vcpus * Math.Pow((double)after.Vcpus / before.Vcpus, part);
            }
        }
    }

    private static void Compare(PublishedCurve curve, List<(int Vcpus, double Pages)> simulated, List<CalibrationCheck> checks)
    {
        var machine = curve.Options.Machine.Name;
        if (curve.HasKnee)
        {
            var published = Knee(curve.Points);
            var ours = Knee(simulated);
            checks.Add(new CalibrationCheck(
                curve.Experiment, machine, "knee (half of the highest), vCPUs, within one doubling", published, ours, Math.Abs(Math.Log2(ours / published)) <= 1));
            checks.Add(Near(curve, machine, "highest, pages/s", curve.Points.Max(static point => point.Pages), simulated.Max(static point => point.Pages)));
        }
        else
        {
            checks.Add(Near(curve, machine, "pages/s at 1 vCPU", curve.Points[0].Pages, simulated[0].Pages));
        }

        checks.Add(Near(curve, machine, $"pages/s at {curve.Points[^1].Vcpus} vCPUs", curve.Points[^1].Pages, simulated[^1].Pages));
    }

    private static CalibrationCheck Near(PublishedCurve curve, string machine, string what, double published, double simulated) => new(
        curve.Experiment, machine, $"{what}, within {curve.PlateauTolerance * 100:F0} %", published, simulated, Math.Abs((simulated / published) - 1) <= curve.PlateauTolerance);

    private static void CompareSkylake(List<CalibrationCheck> checks, CancellationToken cancellationToken)
    {
        const string Experiment = "parallel faults, 96 vCPUs";
        var disjoint = new SimulationOptions
        {
            Machine = MachineCatalog.Get("skylake-96"),
            Vcpus = 96,
            MemoryPerVcpu = 3 * Gibibyte,
            Source = SimulatedSource.Anonymous,
            SamplePages = 256,
        };
        var overlapping = disjoint with { Overlapping = true, MemoryPerVcpu = 6 * Gibibyte };
        var (before, after) = BeforeAndAfter(disjoint, cancellationToken);
        var (overlappingBefore, overlappingAfter) = BeforeAndAfter(overlapping, cancellationToken);
        checks.Add(Seconds("disjoint, one lock", 110.193, before));
        checks.Add(Seconds("disjoint, reader-writer lock", 16.112, after));
        checks.Add(Seconds("overlapping, one lock", 117.31, overlappingBefore));
        checks.Add(Seconds("overlapping, reader-writer lock", 141.155, overlappingAfter));
        checks.Add(new CalibrationCheck(
            Experiment, disjoint.Machine.Name, "disjoint becomes faster: time before by time after, within 30 %", 110.193 / 16.112, before / after, Math.Abs((before / after / (110.193 / 16.112)) - 1) <= 0.3));
        checks.Add(new CalibrationCheck(
            Experiment, disjoint.Machine.Name, "overlapping becomes slower: time before by time after, below 1", 117.31 / 141.155, overlappingBefore / overlappingAfter, overlappingBefore < overlappingAfter));

        CalibrationCheck Seconds(string what, double published, double simulated) => new(
            Experiment, disjoint.Machine.Name, $"populate, {what}, seconds, within 30 %", published, simulated, Math.Abs((simulated / published) - 1) <= 0.3);
    }

    // What was one lock then was the legacy MMU.
    private static (double Before, double After) BeforeAndAfter(SimulationOptions options, CancellationToken cancellationToken) =>
        (Simulator.DemandPaging(options with { Mmu = SimulatedMmu.Legacy }, cancellationToken).TotalSeconds,
            Simulator.DemandPaging(options with { Lock = LockPolicyKind.ReadWrite }, cancellationToken).TotalSeconds);

    private static void CompareProposal(List<CalibrationCheck> checks, CancellationToken cancellationToken)
    {
        const string Experiment = "direct MMU, 416 vCPUs";
        var options = new SimulationOptions { Machine = MachineCatalog.Get("x86-416"), Vcpus = 416, SamplePages = 128 };
        var legacy = Simulator.DemandPaging(options with { Mmu = SimulatedMmu.Legacy }, cancellationToken);
        var direct = Simulator.DemandPaging(options with { Lock = LockPolicyKind.ReadWrite }, cancellationToken);
        var saved = 1 - (direct.TotalSeconds / legacy.TotalSeconds);
        checks.Add(new CalibrationCheck(
            Experiment, options.Machine.Name, "share of the legacy MMU's time in its lock, at least 95 %", 0.98, legacy.LockWaitFraction, legacy.LockWaitFraction >= 0.95));
        checks.Add(new CalibrationCheck(
            Experiment, options.Machine.Name, "share of total time that the direct MMU saves, 85 to 93 %", 0.89, saved, saved is >= 0.85 and <= 0.93));
    }
}
