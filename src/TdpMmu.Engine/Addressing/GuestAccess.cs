namespace TdpMmu;

/// <summary>What an access does to memory, and what a translation permits.</summary>
[Flags]
public enum GuestAccess
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Data is read.</summary>
    Read = 1,

    /// <summary>Data is written.</summary>
    Write = 2,

    /// <summary>Instructions are fetched.</summary>
    Execute = 4,
}
