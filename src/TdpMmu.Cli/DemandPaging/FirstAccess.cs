namespace TdpMmu.Cli.DemandPaging;

/// <summary>What the guest does to a page first.</summary>
internal enum FirstAccess
{
    Read,
    Write,
}
