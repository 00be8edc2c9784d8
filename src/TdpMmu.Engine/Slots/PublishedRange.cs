namespace TdpMmu.Slots;

/// <summary>An invalidation's entry among the published ranges.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Phase">What distinguishes it from earlier and later ones at the same place.</param>
internal readonly record struct PublishedRange(int Place, ulong Phase);
