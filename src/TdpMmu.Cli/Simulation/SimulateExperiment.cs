using TdpMmu.Cli.Output;
using TdpMmu.Cli.Parsing;
using TdpMmu.Verification.Simulation;

namespace TdpMmu.Cli.Simulation;

/// <summary>Simulates every variant with every number of vCPUs, one after the other.</summary>
internal sealed class SimulateExperiment(SimulateOptions options, CommandConsole console)
{
    /// <summary>Simulates, prints, and writes what was asked for.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public int Run(JsonTarget target, CancellationToken cancellationToken)
    {
        OpenPlot();
        var runs = new List<SimulateRunReport>();
        var variants = options.Variants.ToArray();
        int total = variants.Length * options.Vcpus.Count;
        int done = 0;
        using (var progress = new ProgressLine(console, "simulating", () => (double)done / total))
        {
            foreach ((SimulatedMmu mmu, LockPolicyKind? policy) in variants)
            {
                // What one vCPU does alone is what efficiency is measured against.
                SimulationOptions alone = options.For(mmu, policy, 1);
                double? aloneRate = options.Workload == SimulatedExperimentKind.DemandPaging ? Simulate(alone with { Explain = false }, cancellationToken).PagesPerSecond : null;
                foreach (int vcpus in options.Vcpus)
                {
                    SimulationOptions one = options.For(mmu, policy, vcpus);
                    runs.Add(SimulateRunReport.Of(one, Simulate(one, cancellationToken), aloneRate));
                    done++;
                }
            }
        }

        var report = new SimulateReport
        {
            Options = SimulateOptionsReport.Of(options),
            Runs = runs,

            // Invalidations are one load that more vCPUs share; the law is about loads that grow with them.
            Fits = options.Workload == SimulatedExperimentKind.DemandPaging ? Fit(runs) : [],
            CalibrationPoints = [],
            CalibrationChecks = [],
        };
        if (!target.OwnsStandardOutput)
        {
            SimulateTable.Print(console, options, report);
        }

        if (options.Plot is { } plot)
        {
            File.WriteAllText(plot, ScalingPlot.Draw(options, runs));
        }

        target.Write(report, ReportJsonContext.Default.SimulateReport);
        return ExitCode.Done;
    }

    /// <summary>Runs the published experiments. What does not fit is printed and does not fail the verb: the table is the result.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static int Calibrate(JsonTarget target, CommandConsole console, CancellationToken cancellationToken)
    {
        const double Experiments = 14;
        int begun = 0;
        CalibrationReport calibration;
        using (var progress = new ProgressLine(console, "calibrating", () => begun / Experiments))
        {
            calibration = Calibrator.Run(
                _ => begun++,
                cancellationToken);
        }

        if (!target.OwnsStandardOutput)
        {
            CalibrationTable.Print(console, calibration);
        }

        var report = new SimulateReport
        {
            Options = null,
            Runs = [],
            Fits = [],
            CalibrationPoints = [.. calibration.Points.Select(static point => new CalibrationPointReport(point.Experiment, point.Machine, point.Vcpus, point.Published, point.Simulated))],
            CalibrationChecks = [.. calibration.Checks.Select(static check => new CalibrationCheckReport(check.Experiment, check.Machine, check.Claim, check.Published, check.Simulated, check.Holds))],
        };
        target.Write(report, ReportJsonContext.Default.SimulateReport);
        return ExitCode.Done;
    }

    private SimulationResult Simulate(SimulationOptions one, CancellationToken cancellationToken)
        => options.Workload == SimulatedExperimentKind.Invalidate ? Simulator.Invalidation(one, cancellationToken) : Simulator.DemandPaging(one, cancellationToken);

    /// <summary>Refuses a file that cannot be written before the verb spends its time.</summary>
    private void OpenPlot()
    {
        if (options.Plot is { } plot)
        {
            try
            {
                File.WriteAllText(plot, string.Empty);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                throw CommandException.Usage($"--plot: '{plot}' cannot be written ({exception.Message.TrimEnd('.')}); name a file in a folder that exists");
            }
        }
    }

    private static List<ScalabilityFitReport> Fit(List<SimulateRunReport> runs)
    {
        var fits = new List<ScalabilityFitReport>();
        foreach (IGrouping<string, SimulateRunReport> curve in runs.GroupBy(static run => run.Label, StringComparer.Ordinal))
        {
            if (ScalabilityFit.Of([.. curve.Select(static run => (run.Vcpus, run.PagesPerSecond))]) is { } fit)
            {
                fits.Add(new ScalabilityFitReport
                {
                    Mmu = curve.First().Mmu,
                    Lock = curve.First().Lock,
                    Lambda = fit.Lambda,
                    Sigma = fit.Sigma,
                    Kappa = fit.Kappa,
                    PeakVcpus = fit.Peak,
                });
            }
        }

        return fits;
    }
}
