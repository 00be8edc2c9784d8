using TdpMmu.Cli.Parsing;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>The words of the command line, of tables and of JSON for each choice.</summary>
internal static class ChoiceNames
{
    public static NamedChoices<MmuChoice> Mmu { get; } = new(("direct", MmuChoice.Direct), ("legacy", MmuChoice.Legacy), ("none", MmuChoice.None));

    public static NamedChoices<LockPolicyKind> Lock { get; } = new(
        ("rcu", LockPolicyKind.Rcu), ("read-write", LockPolicyKind.ReadWrite), ("monolithic", LockPolicyKind.Monolithic));

    public static NamedChoices<PagingFormatKind> Format { get; } = new(
        ("ept", PagingFormatKind.Ept), ("npt", PagingFormatKind.Npt), ("ept5", PagingFormatKind.Ept5), ("npt5", PagingFormatKind.Npt5));

    public static NamedChoices<HostPageSource> Source { get; } = new(
        ("missing", HostPageSource.Missing),
        ("minor", HostPageSource.Minor),
        ("exit", HostPageSource.Exit),
        ("anonymous", HostPageSource.Anonymous),
        ("resident", HostPageSource.Resident));

    public static NamedChoices<HandlerLayout> Handlers { get; } = new(("per-vcpu", HandlerLayout.PerVcpu), ("shared", HandlerLayout.Shared));

    public static NamedChoices<FirstAccess> Access { get; } = new(("read", FirstAccess.Read), ("write", FirstAccess.Write));

    public static NamedChoices<TouchPattern> Pattern { get; } = new(("disjoint", TouchPattern.Disjoint), ("overlapping", TouchPattern.Overlapping));

    public static NamedChoices<LeafLimit> PageSize { get; } = new(("4KiB", LeafLimit.Page4K), ("2MiB", LeafLimit.Page2M), ("1GiB", LeafLimit.Page1G));

    public static NamedChoices<HostBacking> Backing { get; } = new(("untouched", HostBacking.Untouched), ("touched", HostBacking.Touched));
}
