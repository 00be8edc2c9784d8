namespace TdpMmu.Linux.Tests;

public sealed class HostTests : LeakChecked
{
    [Fact]
    public void TheProbeNamesEachCapabilityOnceAndSaysWhatALackCosts()
    {
        IReadOnlyList<HostCapability> found = HostCapabilities.Probe();
        Assert.Equal(found.Count, found.Select(capability => capability.Name).Distinct(StringComparer.Ordinal).Count());
        Assert.All(found, capability => Assert.NotEmpty(capability.Detail));
        Assert.All(found.Where(capability => !capability.Available), capability => Assert.NotEmpty(capability.TurnsOff));
        string[] expected = ["CPU", "cores", "memory", "kernel", "libc", "architecture", "userfaultfd", "/dev/kvm", "process-wide fence", "mappings", "threads", "descriptors"];
        Assert.Empty(expected.Except(found.Select(capability => capability.Name), StringComparer.Ordinal));
    }

    [Fact]
    public void AModestDemandIsGranted() =>
        Assert.Null(ResourceLimits.Refuse(new ResourceDemand { Threads = 4, Mappings = 8, Descriptors = 4, MemoryBytes = 1 << 20 }));

    [Theory]
    [InlineData(int.MaxValue, 0, 0, 0UL, "threads")]
    [InlineData(0, int.MaxValue, 0, 0UL, "max_map_count")]
    [InlineData(0, 0, int.MaxValue, 0UL, "RLIMIT_NOFILE")]
    [InlineData(0, 0, 0, 1UL << 60, "memory")]
    public void ADemandBeyondTheMachineIsRefusedInOneLine(int threads, int mappings, int descriptors, ulong memory, string expected)
    {
        string? refusal = ResourceLimits.Refuse(new ResourceDemand { Threads = threads, Mappings = mappings, Descriptors = descriptors, MemoryBytes = memory });
        Assert.NotNull(refusal);
        Assert.Contains(expected, refusal, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal);
    }

    [Fact]
    public void AThreadPinsItselfAndLetsGo() => Machine.JoinAll(() =>
    {
        foreach (int cpu in CpuAffinity.UsableCpus)
        {
            CpuAffinity.PinCurrentThread(cpu);
            Assert.Equal([cpu], CpuAffinity.OfCurrentThread());
        }

        CpuAffinity.UnpinCurrentThread();
        Assert.Equal(CpuAffinity.UsableCpus, CpuAffinity.OfCurrentThread());
        Assert.Throws<ArgumentOutOfRangeException>(() => CpuAffinity.PinCurrentThread(-1));
        Assert.Throws<HostMemoryException>(() => CpuAffinity.PinCurrentThread(8191));
    });
}
