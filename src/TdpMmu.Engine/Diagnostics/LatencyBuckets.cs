using System.Numerics;

namespace TdpMmu.Diagnostics;

/// <summary>
/// A log-linear histogram of nanoseconds in native memory: sixteen buckets per power of two, so that a percentile is read
/// within 6 %. One writer; readers may look at any time and see counts that are a moment old.
/// </summary>
internal unsafe struct LatencyBuckets
{
    internal const int SubBucketBits = 4;
    internal const int BucketCount = 640;

    private const int SubBuckets = 1 << SubBucketBits;

    internal ulong Count;
    internal ulong Minimum;
    internal ulong Maximum;
    internal fixed ulong Buckets[BucketCount];

    internal static int IndexOf(ulong nanoseconds)
    {
        if (nanoseconds < SubBuckets)
        {
            return (int)nanoseconds;
        }

        var exponent = BitOperations.Log2(nanoseconds);
        var sub = (int)(nanoseconds >> (exponent - SubBucketBits)) & (SubBuckets - 1);
        return Math.Min(((exponent - SubBucketBits + 1) * SubBuckets) + sub, BucketCount - 1);
    }

    /// <summary>The middle of a bucket.</summary>
    internal static ulong ValueOf(int index)
    {
        if (index < SubBuckets)
        {
            return (ulong)index;
        }

        var shift = (index / SubBuckets) - 1;
        var low = (ulong)(SubBuckets + (index % SubBuckets)) << shift;
        return low + ((1UL << shift) / 2);
    }

    internal void Record(long nanoseconds)
    {
        var value = nanoseconds < 0 ? 0UL : (ulong)nanoseconds;
        Minimum = Count == 0 || value < Minimum ? value : Minimum;
        Maximum = value > Maximum ? value : Maximum;
        Count++;
        Buckets[IndexOf(value)]++;
    }

    // SAFETY: the fixed buffer is indexed by IndexOf, which stays below BucketCount; the structure lies in native memory that its
    // owner keeps.
}
