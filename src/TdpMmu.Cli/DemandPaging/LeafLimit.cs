namespace TdpMmu.Cli.DemandPaging;

/// <summary>The largest leaf that the MMU may map; the values are bytes.</summary>
internal enum LeafLimit
{
    Page4K = 1 << 12,
    Page2M = 1 << 21,
    Page1G = 1 << 30,
}
