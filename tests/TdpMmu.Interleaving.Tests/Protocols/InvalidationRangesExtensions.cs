using TdpMmu.Concurrency;
using TdpMmu.Slots;

namespace TdpMmu.Interleaving.Tests.Protocols;

internal static class InvalidationRangesExtensions
{
    /// <summary>Publishes a range, waiting for a place for as long as it takes.</summary>
    internal static PublishedRange Publish(this InvalidationRanges ranges, GfnRange range)
    {
        PublishedRange published;
        while (!ranges.TryPublish(range, Atomics.NoTimeout, out published))
        {
        }

        return published;
    }
}
