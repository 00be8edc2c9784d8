namespace TdpMmu.Cli.DemandPaging;

/// <summary>Who answers userfaultfd faults.</summary>
internal enum HandlerLayout
{
    /// <summary>Each vCPU's region has a descriptor and a handler of its own, on the vCPU's CPU.</summary>
    PerVcpu,

    /// <summary>One descriptor and one handler serve all.</summary>
    Shared,
}
