namespace TdpMmu.Cli.DemandPaging;

/// <summary>How a host page that the guest misses comes into being.</summary>
internal enum HostPageSource
{
    /// <summary>A handler thread copies it in through userfaultfd in missing mode.</summary>
    Missing,

    /// <summary>A handler thread writes it through a second mapping and lets userfaultfd in minor mode continue.</summary>
    Minor,

    /// <summary>The faulting vCPU's own thread fetches it from a page source, without userfaultfd.</summary>
    Exit,

    /// <summary>The kernel fills plain anonymous memory by itself.</summary>
    Anonymous,

    /// <summary>It is there from the start, so that the MMU alone is measured.</summary>
    Resident,
}
