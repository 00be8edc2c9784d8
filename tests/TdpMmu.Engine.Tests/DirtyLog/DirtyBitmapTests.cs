using FsCheck;
using FsCheck.Fluent;
using TdpMmu.Concurrency;
using TdpMmu.DirtyTracking;

namespace TdpMmu.Engine.Tests.DirtyLog;

/// <summary>The bitmap and its summary against a set of numbers.</summary>
public sealed class DirtyBitmapTests
{
    // What one word of the summary covers.
    private const ulong SummaryWord = 64 * 64 * 64;

    [Theory]
    [InlineData(1UL)]
    [InlineData(64UL)]
    [InlineData(65UL)]
    [InlineData(SummaryWord)]
    [InlineData(SummaryWord + 1)]
    [InlineData((2 * SummaryWord) + 77)]
    public void Pages_at_edges_are_moved_once(ulong pages)
    {
        var before = NativeBlock.LiveBytes;
        using (var bitmap = new DirtyBitmap(pages))
        {
            var destination = new ulong[bitmap.WordCount];
            Assert.Equal((pages + 63) / 64, (ulong)bitmap.WordCount);
            Assert.Equal(pages, bitmap.PageCount);
            ulong[] edges = [.. new ulong[] { 0, 1, 63, 64, 4095, 4096, SummaryWord - 1, SummaryWord, 2 * SummaryWord, pages - 1 }.Where(page => page < pages)];
            foreach (var page in edges)
            {
                bitmap.Mark(page, 1);
                bitmap.MoveTo(destination);
                Assert.Equal([page], DirtyPages.Of(destination));
                Array.Clear(destination);
            }

            bitmap.Mark(0, pages);
            bitmap.MoveTo(destination);
            Assert.Equal((int)pages, DirtyPages.Of(destination).Count);
            Array.Clear(destination);
            bitmap.MoveTo(destination);
            Assert.Empty(DirtyPages.Of(destination));
            bitmap.Mark(0, 0);
            bitmap.MoveTo(destination);
            Assert.Empty(DirtyPages.Of(destination));
        }

        Assert.Equal(before, NativeBlock.LiveBytes);
    }

    [Theory]
    [InlineData(200UL)]
    [InlineData(SummaryWord + 200)]
    public void Marks_follow_the_model(ulong pages) =>
        Prop.ForAll(ArbMap.Default.ArbFor<Tuple<byte, byte, byte>[]>(), commands => Run(commands, pages))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(150).WithEndSize(40));

    // Each command marks up to 255 pages on one side of an edge; some are followed by a move, to a copy that has marks already.
    private static void Run(Tuple<byte, byte, byte>[] commands, ulong pages)
    {
        using var bitmap = new DirtyBitmap(pages);
        var model = new HashSet<ulong>();
        var destination = new ulong[bitmap.WordCount];
        foreach (var (where, count, then) in commands)
        {
            var edge = (where % 4) switch
            {
                0 => 0UL,
                1 => 64UL,
                2 => pages,
                _ => Math.Min(SummaryWord, pages),
            };
            var first = (ulong)Math.Clamp((long)edge + (where / 4) - 32, 0, (long)pages - 1);
            var length = Math.Min(count, pages - first);
            bitmap.Mark(first, length);
            for (var page = first; page < first + length; page++)
            {
                model.Add(page);
            }

            if (then < 64)
            {
                if (then < 32)
                {
                    Array.Clear(destination);
                    destination[0] = 1;
                    model.Add(0);
                }

                bitmap.MoveTo(destination);
                Assert.Superset(model, DirtyPages.Of(destination).ToHashSet());
                if (then < 32)
                {
                    Assert.Equal(model.Order(), DirtyPages.Of(destination));
                }

                model.Clear();
            }
        }

        Array.Clear(destination);
        bitmap.MoveTo(destination);
        Assert.Equal(model.Order(), DirtyPages.Of(destination));
    }
}
