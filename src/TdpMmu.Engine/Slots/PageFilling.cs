namespace TdpMmu;

/// <summary>Who brings in a page that is missing.</summary>
public enum PageFilling
{
    /// <summary>Nobody: all pages are present from the start.</summary>
    Resident,

    /// <summary>The host kernel, with zeros, when memory is populated.</summary>
    HostFilled,

    /// <summary>A userfaultfd handler, while the faulting thread waits in the kernel.</summary>
    Userfault,

    /// <summary>The faulting vCPU's own thread, from an <see cref="IPageSource"/>.</summary>
    FaultingThread,
}
