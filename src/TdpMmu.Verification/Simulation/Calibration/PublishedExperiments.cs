namespace TdpMmu.Verification.Simulation;

/// <summary>The published curves, with one set of constants for each machine, and what was measured on this project's machine.</summary>
internal static class PublishedExperiments
{
    private static readonly int[] s_arm = [1, 2, 4, 8, 16, 32, 48];
    private static readonly int[] s_userfaultfd = [1, 2, 4, 8, 16, 32, 64, 128, 256];

    /// <summary>Curves of other machines.</summary>
    internal static IEnumerable<PublishedCurve> Published()
    {
        var arm = new SimulationOptions { Machine = MachineCatalog.Get("arm-48"), Source = SimulatedSource.AnonymousLarge, SamplePages = 64 };
        yield return Seconds("populate, one lock", arm with { Lock = LockPolicyKind.Monolithic }, s_arm, [0.21, 0.26, 0.39, 0.68, 1.26, 2.51, 3.94]);
        yield return Seconds("populate, reader-writer lock", arm with { Lock = LockPolicyKind.ReadWrite }, s_arm, [0.17, 0.23, 0.31, 0.39, 0.53, 1.04, 1.55]);
        var pageIn = new SimulationOptions { Machine = MachineCatalog.Get("x86-256"), Lock = LockPolicyKind.ReadWrite, SamplePages = 64 };
        yield return Thousands(
            "one userfaultfd", pageIn with { Source = SimulatedSource.MissingShared }, s_userfaultfd, [150, 191, 210, 155, 130, 108, 86, 62, 36]);
        yield return Thousands(
            "exit to the vCPU", pageIn with { Source = SimulatedSource.Exit }, s_userfaultfd, [340, 477, 809, 1239, 1595, 2299, 3482, 4134, 4012]);
        var radix = new SimulationOptions
        {
            Machine = MachineCatalog.Get("x86-80"),
            Source = SimulatedSource.Resident,
            Lock = LockPolicyKind.Monolithic,
            SamplePages = 128,
        };
        yield return Thousands("one shared lock", radix, [1, 80], [282, 289]) with { HasKnee = false };
    }

    /// <summary>What the engine does on this project's machine, which the model must agree with before anything larger counts.</summary>
    internal static IEnumerable<PublishedCurve> Measured()
    {
        var machine = MachineCatalog.Get("this-vm");
        // Of the benchmarks resident-fault and two-vcpus: medians of the sessions that docs/simulation.md lists.
        var fault = new SimulationOptions { Machine = machine, SamplePages = 2048 };
        yield return Reality("resident fault, direct + rcu", fault, [31_000, 59_500], Simulator.ResidentFault);
        yield return Reality("resident fault, direct + read-write", fault with { Lock = LockPolicyKind.ReadWrite }, [20_600, 24_200], Simulator.ResidentFault);
        yield return Reality("resident fault, direct + monolithic", fault with { Lock = LockPolicyKind.Monolithic }, [21_500, 15_500], Simulator.ResidentFault);
        yield return Reality("resident fault, legacy", fault with { Mmu = SimulatedMmu.Legacy }, [29_300, 14_800], Simulator.ResidentFault);
        var paging = fault with { SamplePages = 512 };
        yield return Reality("userfaultfd, missing", paging with { Source = SimulatedSource.Missing }, [99, 186], Simulator.DemandPaging);
        yield return Reality("own thread, touched memory", paging with { Source = SimulatedSource.Exit }, [1_850, 3_470], Simulator.DemandPaging);
        yield return Reality("anonymous memory", paging with { Source = SimulatedSource.Anonymous }, [635, 1_129], Simulator.DemandPaging);
    }

    private static PublishedCurve Seconds(string experiment, SimulationOptions options, int[] vcpus, double[] seconds) => new()
    {
        Experiment = experiment,
        Options = options,
        Points = [.. vcpus.Zip(seconds, (count, time) => (count, count * (double)(options.MemoryPerVcpu / PageGeometry.PageSize) / time))],
    };

    private static PublishedCurve Thousands(string experiment, SimulationOptions options, int[] vcpus, double[] thousands) => new()
    {
        Experiment = experiment,
        Options = options,
        Points = [.. vcpus.Zip(thousands, static (count, rate) => (count, rate * 1000))],
    };

    private static PublishedCurve Reality(
        string experiment, SimulationOptions options, double[] thousands, Func<SimulationOptions, CancellationToken, SimulationResult> simulate) =>
        Thousands(experiment, options, [1, 2], thousands) with { HasKnee = false, PlateauTolerance = 0.25, Simulate = simulate };
}
