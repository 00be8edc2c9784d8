using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation.Tests;

/// <summary>The engine on simulated processors: counts that are the same on every machine.</summary>
public sealed class SimulatorTests : IDisposable
{
    private readonly long _liveBytes = NativeBlock.LiveBytes;

    public void Dispose() => Assert.Equal(_liveBytes, NativeBlock.LiveBytes);

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(416)]
    public void AResidentFaultBringsNoLineFromAnotherProcessor(int vcpus)
    {
        var result = Page(Options() with { Vcpus = vcpus, Source = SimulatedSource.Resident });

        Assert.Equal(0, result.Transfers);
        Assert.Equal(0, result.Retries);
        Assert.Equal(vcpus * 64, result.Faults);
        Assert.Equal(vcpus * 64, result.Pages);
    }

    [Fact]
    public void TheMmusOwnPartKeepsItsEfficiency()
    {
        // With a kernel's work in every section the engine's part would hardly be seen.
        var machine = Options().Machine with { Fault = MachineCatalog.Get("this-vm").Fault };
        var options = Options() with { Machine = machine, Source = SimulatedSource.Resident };
        var alone = Page(options).PagesPerSecond;
        var all = Page(options with { Vcpus = 416, SamplePages = 512 }).PagesPerSecond;

        Assert.InRange(all / (416 * alone), 0.95, 1.01);
    }

    [Fact]
    public void TheReaderWriterLockCostsTwoTransfersPerFault()
    {
        var result = Page(Options() with { Vcpus = 32, Source = SimulatedSource.Resident, Lock = LockPolicyKind.ReadWrite });

        Assert.Equal(2.0, result.TransfersPerFault, tolerance: 0.05);
        Assert.Equal(0, result.Retries);
    }

    [Fact]
    public void TheHostsLockCostsTwoTransfersForEachTimeItIsTaken()
    {
        var result = Page(Options() with { Vcpus = 64, Mmu = SimulatedMmu.None });

        Assert.Equal(2.0 * Options().Machine.Host.UserfaultLockPairs, result.TransfersPerFault, tolerance: 0.05);
    }

    [Fact]
    public void OnlyTheLockOfTheOldWorldIsWaitedFor()
    {
        var options = Options() with { Vcpus = 416, SamplePages = 16 };
        var legacy = Page(options with { Mmu = SimulatedMmu.Legacy });
        var direct = Page(options);
        var host = Page(options with { Mmu = SimulatedMmu.None });

        Assert.InRange(legacy.LockWaitFraction, 0.95, 1.0);
        Assert.Equal(0, direct.LockWaitFraction);
        Assert.InRange(direct.TotalSeconds / legacy.TotalSeconds, 0.07, 0.15);
        Assert.InRange(direct.TotalSeconds / host.TotalSeconds, 0.97, 1.03);
    }

    [Theory]
    [InlineData(SimulatedMmu.Direct)]
    [InlineData(SimulatedMmu.Legacy)]
    public void ARunIsTheSameEveryTime(SimulatedMmu mmu)
    {
        var options = Options() with { Vcpus = 24, Mmu = mmu, Overlapping = true };

        var first = Page(options);
        var second = Page(options);
        var other = Page(options with { Seed = 2 });

        Assert.Equal(first with { RealSeconds = 0, CostlyLines = [] }, second with { RealSeconds = 0, CostlyLines = first.CostlyLines.Count == 0 ? [] : second.CostlyLines });

        // Where one lock decides everything, another order of vCPUs may take as long in all; it is another run all the same.
        Assert.NotEqual(first with { RealSeconds = 0, CostlyLines = [] }, other with { RealSeconds = 0, CostlyLines = [] });
    }

    // The model's own digits: whoever changes what the engine does or what an operation costs sees here that something changed.
    [Theory]
    [InlineData(SimulatedMmu.None, LockPolicyKind.Rcu, false, 0, 0, 3070)]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.Rcu, false, 512, 0, 2822)]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.ReadWrite, false, 512, 0, 3802)]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.Monolithic, false, 512, 0, 2138)]
    [InlineData(SimulatedMmu.Legacy, LockPolicyKind.Rcu, false, 512, 0, 2156)]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.Rcu, true, 545, 388, 2532)]
    [InlineData(SimulatedMmu.Legacy, LockPolicyKind.Rcu, true, 119, 13, 685)]
    public void CountsAreTheSameOnEveryMachine(SimulatedMmu mmu, LockPolicyKind policy, bool overlapping, long faults, long retries, long transfers)
    {
        var result = Page(Options() with { Vcpus = 16, SamplePages = 32, Mmu = mmu, Lock = policy, Overlapping = overlapping });

        Assert.Equal((faults, retries, transfers), (result.Faults, result.Retries, result.Transfers));
    }

    [Fact]
    public void AllTouchThePagesThatTheyShare()
    {
        var result = Page(Options() with { Vcpus = 16, Overlapping = true });

        Assert.Equal(16 * 64, result.Pages);
        Assert.InRange(result.Faults, 64, 16 * 64 * 2);
        Assert.True(result.Transfers > 0);
    }

    [Theory]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.Rcu)]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.ReadWrite)]
    [InlineData(SimulatedMmu.Direct, LockPolicyKind.Monolithic)]
    [InlineData(SimulatedMmu.Legacy, LockPolicyKind.Rcu)]
    public void InvalidationsFlushAndAreFelt(SimulatedMmu mmu, LockPolicyKind policy)
    {
        var options = Options() with
        {
            Vcpus = 8,
            Mmu = mmu,
            Lock = policy,
            Source = SimulatedSource.Resident,
            MemoryPerVcpu = 4 << 20,
            Invalidators = 2,
            InvalidationsEach = 4,
        };

        var result = Invalidate(options);

        Assert.InRange(result.TlbShootdowns, 1, 64);
        Assert.True(result.Fences >= result.TlbShootdowns);
        Assert.True(result.Faults > 0);
        Assert.InRange(result.MeanInvalidation, 1_000, result.LongestInvalidation);
        Assert.True(result.LongestStall > 1_000);
    }

    [Fact]
    public void TheCostliestLineOfTheLegacyMmuIsItsLock()
    {
        var result = Page(
            Options() with { Vcpus = 32, Mmu = SimulatedMmu.Legacy, Source = SimulatedSource.Resident, Explain = true });

        var line = result.CostlyLines[0];
        Assert.StartsWith("ParticipantTable", line.Holds, StringComparison.Ordinal);
        Assert.Contains(line.Places, static place => place.Contains("Legacy", StringComparison.Ordinal) || place.Contains("ParkingLock", StringComparison.Ordinal));
    }

    [Fact]
    public void WithoutAnMmuThereIsNothingToInvalidate() =>
        Assert.Throws<ArgumentException>(() => Invalidate(Options() with { Mmu = SimulatedMmu.None }));

    [Fact]
    public void ACancelledSimulationLeavesRoomForTheNext()
    {
        var calls = 0;
        using var cancellation = new CancellationTokenSource();
        var controller = new VirtualTimeController(MachineCatalog.Get("x86-416"));

        Assert.Throws<OperationCanceledException>(() => controller.Run(
            () =>
            {
                controller.IsCharging = true;
                var other = Atomics.StartThread("other", () => controller.Advance(long.MaxValue / 4));
                controller.Advance(VirtualTimeController.Window * 2);
                calls++;
                cancellation.Cancel();
                other.Join();
                calls++;
            },
            cancellation.Token));

        Assert.Equal(1, calls);
        Assert.Equal(64, Page(Options()).Faults);
    }

    private static SimulationResult Page(SimulationOptions options) => Simulator.DemandPaging(options, TestContext.Current.CancellationToken);

    private static SimulationResult Invalidate(SimulationOptions options) => Simulator.Invalidation(options, TestContext.Current.CancellationToken);

    private static SimulationOptions Options() => new() { Machine = MachineCatalog.Get("x86-416"), SamplePages = 64 };
}
