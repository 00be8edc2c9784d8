namespace TdpMmu.Translation;

/// <summary>How a walk of the tables ended.</summary>
internal enum WalkStatus
{
    /// <summary>The access is permitted.</summary>
    Translated,

    /// <summary>Nothing is mapped there.</summary>
    NotPresent,

    /// <summary>Memory is mapped, but not for this access.</summary>
    NotPermitted,
}
