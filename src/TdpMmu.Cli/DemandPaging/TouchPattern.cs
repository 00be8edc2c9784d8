namespace TdpMmu.Cli.DemandPaging;

/// <summary>Which pages a vCPU touches.</summary>
internal enum TouchPattern
{
    /// <summary>Those of its own region.</summary>
    Disjoint,

    /// <summary>All of the guest's pages, as every other vCPU does.</summary>
    Overlapping,
}
