namespace TdpMmu.Engine.Tests.Support;

/// <summary>The configurations that every conformance test runs over, by names such as <c>ept/direct/rcu</c>.</summary>
internal static class MachineFactory
{
    private static bool WithLegacy => true;

    /// <summary>All formats with all MMUs and lock policies.</summary>
    public static TheoryData<string> All => [.. Names(Enum.GetValues<PagingFormatKind>())];

    /// <summary>One format with four levels and one with five, for tests that take longer.</summary>
    public static TheoryData<string> Some => [.. Names([PagingFormatKind.Ept, PagingFormatKind.Npt5])];

    /// <summary>Every MMU and lock policy with one format.</summary>
    public static TheoryData<string> Policies => [.. Names([PagingFormatKind.Ept])];

    /// <summary>Creates a machine of a named configuration.</summary>
    internal static VirtualMachine Create(
        string configuration,
        int vcpus = 1,
        int permits = 0,
        MmioHandler? mmio = null,
        ulong tableLimit = ulong.MaxValue,
        int timingInterval = 16,
        int tlbEntries = 256)
    {
        var parts = configuration.Split('/');
        return new VirtualMachine(new VirtualMachineOptions
        {
            Format = Enum.Parse<PagingFormatKind>(parts[0], ignoreCase: true),
            Mmu = Enum.Parse<MmuKind>(parts[1], ignoreCase: true),
            Lock = parts.Length > 2 ? Enum.Parse<LockPolicyKind>(parts[2], ignoreCase: true) : LockPolicyKind.Rcu,
            VcpuCount = vcpus,
            RunPermitCount = permits,
            Mmio = mmio,
            PageTableLimitBytes = tableLimit,
            FaultTimingInterval = timingInterval,
            TlbEntries = tlbEntries,
        });
    }

    /// <summary>Whether a configuration's levels of tables are five.</summary>
    internal static bool HasFiveLevels(string configuration) => configuration.Split('/')[0].EndsWith('5');

    private static IEnumerable<string> Names(PagingFormatKind[] formats)
    {
        foreach (var format in formats)
        {
            foreach (var policy in Enum.GetValues<LockPolicyKind>())
            {
                yield return $"{format}/Direct/{policy}".ToLowerInvariant();
            }

            if (WithLegacy)
            {
                yield return $"{format}/Legacy".ToLowerInvariant();
            }
        }
    }
}
