namespace TdpMmu;

/// <summary>A range of guest frames.</summary>
public readonly record struct GfnRange
{
    /// <summary>Creates the range of <paramref name="count"/> frames from <paramref name="start"/>.</summary>
    /// <param name="start">The first frame.</param>
    /// <param name="count">The number of frames, possibly 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range runs over the end of 64-bit frame numbers.</exception>
    public GfnRange(Gfn start, ulong count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, ulong.MaxValue - start.Value);
        Start = start;
        Count = count;
    }

    /// <summary>The first frame.</summary>
    public Gfn Start { get; }

    /// <summary>The number of frames.</summary>
    public ulong Count { get; }

    /// <summary>The first frame behind the range.</summary>
    public Gfn End => new(Start.Value + Count);

    /// <summary>Whether the range has no frame.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>The frames that cover the bytes from <paramref name="address"/> on.</summary>
    /// <param name="address">The first byte; a multiple of 4 KiB.</param>
    /// <param name="bytes">The number of bytes; a multiple of 4 KiB.</param>
    /// <exception cref="ArgumentException">One of them is not a multiple of 4 KiB.</exception>
    public static GfnRange FromBytes(Gpa address, ulong bytes)
    {
        if (address.PageOffset != 0)
        {
            throw new ArgumentException($"The address {address} is not a multiple of {PageGeometry.PageSize} bytes.", nameof(address));
        }

        if (bytes % PageGeometry.PageSize != 0)
        {
            throw new ArgumentException($"The length {bytes} is not a multiple of {PageGeometry.PageSize} bytes.", nameof(bytes));
        }

        return new GfnRange(address.Frame, bytes / PageGeometry.PageSize);
    }

    /// <summary>Whether the frame lies in the range.</summary>
    public bool Contains(Gfn frame) => frame.Value - Start.Value < Count;

    /// <summary>Whether all of <paramref name="other"/> lies in the range.</summary>
    public bool Contains(GfnRange other) => other.Start >= Start && other.End <= End;

    /// <summary>Whether the ranges share a frame; a range without frames shares none, wherever it lies.</summary>
    public bool Overlaps(GfnRange other) =>
        Math.Max(Start.Value, other.Start.Value) < Math.Min(Start.Value + Count, other.Start.Value + other.Count);

    /// <summary>The frames that both ranges have.</summary>
    public GfnRange Intersect(GfnRange other)
    {
        var start = Math.Max(Start.Value, other.Start.Value);
        var end = Math.Min(End.Value, other.End.Value);
        return new GfnRange(new Gfn(start), end > start ? end - start : 0);
    }

    /// <summary>The range as [start, end).</summary>
    public override string ToString() => $"[{Start}, {End})";
}
