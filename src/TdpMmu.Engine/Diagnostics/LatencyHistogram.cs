namespace TdpMmu;

/// <summary>How long an operation took, as a distribution. Immutable.</summary>
/// <remarks>Percentiles are exact to 6 %; the minimum and the maximum are exact.</remarks>
public sealed class LatencyHistogram
{
    private readonly ulong[] _buckets;

    internal LatencyHistogram() => _buckets = new ulong[Diagnostics.LatencyBuckets.BucketCount];

    /// <summary>The number of measured operations.</summary>
    public ulong Count { get; private set; }

    /// <summary>The shortest, in nanoseconds; 0 if none was measured.</summary>
    public ulong Minimum { get; private set; }

    /// <summary>The longest, in nanoseconds.</summary>
    public ulong Maximum { get; private set; }

    /// <summary>The time within which a fraction of the operations ended.</summary>
    /// <param name="fraction">0 to 1; 0.5 for the median.</param>
    /// <returns>Nanoseconds; 0 if none was measured.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is not between 0 and 1.</exception>
    public ulong Percentile(double fraction)
    {
        if (fraction is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction, "A percentile's fraction lies between 0 and 1.");
        }

        if (Count == 0)
        {
            return 0;
        }

        var rank = Math.Max(1, (ulong)Math.Ceiling(fraction * Count));
        var seen = 0UL;
        for (var index = 0; index < _buckets.Length; index++)
        {
            seen += _buckets[index];
            if (seen >= rank)
            {
                return Math.Clamp(Diagnostics.LatencyBuckets.ValueOf(index), Minimum, Maximum);
            }
        }

        return Maximum;
    }

    internal unsafe void Add(Diagnostics.LatencyBuckets* source)
    {
        // SAFETY: the counters outlive every statistics object's construction; a racing writer only makes counts a moment old.
        var count = source->Count;
        if (count == 0)
        {
            return;
        }

        Minimum = Count == 0 ? source->Minimum : Math.Min(Minimum, source->Minimum);
        Maximum = Math.Max(Maximum, source->Maximum);
        Count += count;
        for (var index = 0; index < _buckets.Length; index++)
        {
            _buckets[index] += source->Buckets[index];
        }
    }
}
