namespace TdpMmu.Cli.DemandPaging;

/// <summary>Whether the host memory behind the guest was touched before time is taken.</summary>
internal enum HostBacking
{
    /// <summary>The kernel allocates each page during the run.</summary>
    Untouched,

    /// <summary>The kernel allocated all of it before.</summary>
    Touched,
}
