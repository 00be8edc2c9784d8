namespace TdpMmu.Cli.DemandPaging;

/// <summary>What translates the guest's addresses in a run.</summary>
internal enum MmuChoice
{
    /// <summary>The direct MMU.</summary>
    Direct,

    /// <summary>The MMU that the direct one replaces.</summary>
    Legacy,

    /// <summary>Nothing: the same host faults with no MMU at all, which is the physical floor.</summary>
    None,
}
