namespace TdpMmu.Verification;

/// <summary>Where a table is in its life, between leaving the pool and going back.</summary>
internal enum TableLife
{
    /// <summary>It belongs to one thread.</summary>
    Private,

    /// <summary>Walks reach it.</summary>
    Linked,

    /// <summary>It was cut off; who stands in it may still be there.</summary>
    Unlinked,
}
