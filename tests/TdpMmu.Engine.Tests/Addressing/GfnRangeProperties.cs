using System.Numerics;
using FsCheck;
using FsCheck.Fluent;
using Extent = System.Tuple<byte, byte, bool>;
using Value = System.Tuple<uint, bool, bool>;

namespace TdpMmu.Engine.Tests.Addressing;

/// <summary>Ranges against unbounded integers, with values at both ends of 64 bits.</summary>
public sealed class GfnRangeProperties
{
    private static readonly Config s_config = Config.QuickThrowOnFailure.WithMaxTest(2000);

    [Fact]
    public void RangesExistIfTheyEndWithin64Bits() => Check<Value, Value>((first, second) =>
    {
        var (start, count) = (Number(first), Number(second));
        var fits = (BigInteger)start + count <= ulong.MaxValue;
        try
        {
            var range = new GfnRange(new Gfn(start), count);
            return fits && range.Start.Value == start && range.Count == count && range.End.Value - start == count && range.IsEmpty == (count == 0);
        }
        catch (ArgumentOutOfRangeException)
        {
            return !fits;
        }
    });

    [Fact]
    public void FramesAreContainedBetweenStartAndEnd() => Check<Extent, Value>((first, second) =>
    {
        var (range, frame) = (Range(first), Number(second));
        return range.Contains(new Gfn(frame)) == (frame >= range.Start.Value && frame < (BigInteger)range.Start.Value + range.Count);
    });

    [Fact]
    public void RangesOverlapIfTheyShareAFrame() => Check<Extent, Extent>((first, second) =>
    {
        var (left, right) = (Range(first), Range(second));
        var start = Math.Max(left.Start.Value, right.Start.Value);
        var shares = left.Contains(new Gfn(start)) && right.Contains(new Gfn(start));
        return left.Overlaps(right) == shares && right.Overlaps(left) == shares;
    });

    [Fact]
    public void IntersectionHasTheSharedFramesOnly() => Check<Extent, Extent, Value>((first, second, third) =>
    {
        var (left, right, frame) = (Range(first), Range(second), new Gfn(Number(third)));
        var shared = left.Intersect(right);
        return shared.IsEmpty != left.Overlaps(right)
            && shared.Contains(frame) == (left.Contains(frame) && right.Contains(frame))
            && (shared.IsEmpty || (left.Contains(shared) && right.Contains(shared)))
            && shared.Count == right.Intersect(left).Count;
    });

    [Fact]
    public void ContainedRangesAreTheirOwnIntersection() => Check<Extent, Extent>((first, second) =>
    {
        var (outer, inner) = (Range(first), Range(second));
        return inner.IsEmpty || outer.Contains(inner) == (outer.Intersect(inner) == inner);
    });

    [Fact]
    public void BytesBecomeWholeFramesOrAreRefused() => Check<Value, Value>((first, second) =>
    {
        var (address, bytes) = (Number(first), Number(second));
        var whole = address % PageGeometry.PageSize == 0 && bytes % PageGeometry.PageSize == 0;
        try
        {
            var range = GfnRange.FromBytes(new Gpa(address), bytes);
            return whole && range.Start.Value * PageGeometry.PageSize == address && range.Count * PageGeometry.PageSize == bytes;
        }
        catch (ArgumentException)
        {
            return !whole;
        }
    });

    [Fact]
    public void AdditionNeverWraps() => Check<Value, Value>((first, second) =>
    {
        var (left, right) = (Number(first), Number(second));
        var fits = (BigInteger)left + right <= ulong.MaxValue;
        return Same(fits, () => new Gfn(left).Plus(right).Value == left + right)
            && Same(fits, () => new Gpa(left).Plus(right).Value == left + right)
            && Same(fits, () => new Hva(left).Plus(right).Value == left + right)
            && Same((BigInteger)left * PageGeometry.PageSize <= ulong.MaxValue, () => new Gfn(left).Address.Frame.Value == left);
    });

    [Fact]
    public void AddressesSplitIntoFrameAndOffset() => Check<Value>(first =>
    {
        var address = new Gpa(Number(first));
        return address.PageOffset < PageGeometry.PageSize && address.Frame.Address.Plus(address.PageOffset) == address;
    });

    [Fact]
    public void AligningFindsTheEntryAround() => Check<Value, byte>((first, second) =>
    {
        var frames = 1UL << (second % 46);
        var frame = new Gfn(Number(first));
        var aligned = frame.AlignDown(frames);
        return aligned.Value % frames == 0 && aligned <= frame && frame.Value - aligned.Value < frames;
    });

    private static bool Same(bool fits, Func<bool> calculate)
    {
        try
        {
            return calculate() && fits;
        }
        catch (OverflowException)
        {
            return !fits;
        }
    }

    // A number near 0 or near the end, possibly rounded down to a whole page.
    private static ulong Number(Value value)
    {
        var (distance, fromEnd, wholePages) = value;
        return (fromEnd ? ulong.MaxValue - distance : distance) & ~(wholePages ? PageGeometry.PageSize - 1 : 0);
    }

    // A short range near 0 or near the end.
    private static GfnRange Range(Extent extent)
    {
        var (distance, count, fromEnd) = extent;
        var start = fromEnd ? ulong.MaxValue - distance : distance;
        return new GfnRange(new Gfn(start), Math.Min(count, ulong.MaxValue - start));
    }

    private static void Check<T>(Func<T, bool> property) => Prop.ForAll(ArbMap.Default.ArbFor<T>(), property).Check(s_config);

    private static void Check<T1, T2>(Func<T1, T2, bool> property) =>
        Check<Tuple<T1, T2>>(sample => property(sample.Item1, sample.Item2));

    private static void Check<T1, T2, T3>(Func<T1, T2, T3, bool> property) =>
        Check<Tuple<T1, T2, T3>>(sample => property(sample.Item1, sample.Item2, sample.Item3));
}
