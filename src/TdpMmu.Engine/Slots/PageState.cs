namespace TdpMmu;

/// <summary>Whether a page of host memory has its contents.</summary>
public enum PageState
{
    /// <summary>It has not; nobody has asked for it.</summary>
    Missing = 0,

    /// <summary>It has not; somebody waits for it.</summary>
    Requested = 1,

    /// <summary>A claimant is filling it.</summary>
    InFlight = 2,

    /// <summary>It was discarded while a claimant was filling it: the claimant throws its bytes away.</summary>
    Cancelled = 3,

    /// <summary>It has its contents and may be mapped.</summary>
    Present = 4,

    /// <summary>Its contents are lost for good; an access to it fails.</summary>
    Poisoned = 5,
}
