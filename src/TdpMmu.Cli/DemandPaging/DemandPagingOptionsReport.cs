namespace TdpMmu.Cli.DemandPaging;

/// <summary>The options of an invocation, defaults included.</summary>
internal sealed record DemandPagingOptionsReport
{
    public required int Vcpus { get; init; }

    public required ulong MemoryPerVcpuBytes { get; init; }

    public required IReadOnlyList<string> Mmu { get; init; }

    public required string Lock { get; init; }

    public required string Format { get; init; }

    public required string Source { get; init; }

    public required string Handlers { get; init; }

    public required string Access { get; init; }

    public required string Pattern { get; init; }

    public required ulong PageSizeBytes { get; init; }

    public required string Backing { get; init; }

    public required int Repeat { get; init; }

    public static DemandPagingOptionsReport Of(DemandPagingOptions options) => new()
    {
        Vcpus = options.Vcpus,
        MemoryPerVcpuBytes = options.MemoryPerVcpu,
        Mmu = [.. options.Mmus.Select(ChoiceNames.Mmu.NameOf)],
        Lock = ChoiceNames.Lock.NameOf(options.Lock),
        Format = ChoiceNames.Format.NameOf(options.Format),
        Source = ChoiceNames.Source.NameOf(options.Source),
        Handlers = ChoiceNames.Handlers.NameOf(options.Handlers),
        Access = ChoiceNames.Access.NameOf(options.Access),
        Pattern = ChoiceNames.Pattern.NameOf(options.Pattern),
        PageSizeBytes = (ulong)options.PageSize,
        Backing = ChoiceNames.Backing.NameOf(options.Backing),
        Repeat = options.Repeat,
    };
}
