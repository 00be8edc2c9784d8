using TdpMmu.Concurrency;
using TdpMmu.Legacy;

namespace TdpMmu.Engine.Tests.Legacy;

/// <summary>The hash table and list of shadow pages against a dictionary.</summary>
[Collection(nameof(LegacyCollection))]
public sealed unsafe class ShadowPageTableTests
{
    [Fact]
    public void Pages_are_found_by_frame_and_level_until_they_are_removed()
    {
        const int Count = 10_000;
        using var memory = new NativeBlock(Count * (nuint)sizeof(ShadowPage));
        using var table = new ShadowPageTable();
        var pages = (ShadowPage*)memory.Pointer;
        for (var index = 0; index < Count; index++)
        {
            // Frames repeat with another level, which is another page.
            pages[index] = new ShadowPage { Frame = new Gfn((ulong)(index / 2) << 9), Level = new PagingLevel(1 + (index % 2)) };
            table.Add(&pages[index]);
        }

        // Every third goes: first, last and middle places of chains and of the list.
        for (var index = 0; index < Count; index += 3)
        {
            table.Remove(&pages[index]);
        }

        for (var index = 0; index < Count; index++)
        {
            var found = table.Find(pages[index].Frame, pages[index].Level);
            Assert.True(found == (index % 3 == 0 ? null : &pages[index]), $"page {index}");
        }

        var expected = Enumerable.Range(0, Count).Where(static index => index % 3 != 0).Reverse();
        var listed = new List<int>();
        for (var page = table.Newest; page is not null; page = page->Older)
        {
            listed.Add((int)(page - pages));
        }

        Assert.Equal(expected, listed);
        Assert.Equal(listed.Count, table.Count);
        var inBuckets = 0;
        for (var bucket = 0; bucket < ShadowPageTable.BucketCount; bucket++)
        {
            for (var page = table.FirstOf(bucket); page is not null; page = page->HashNext)
            {
                inBuckets++;
            }
        }

        Assert.Equal(listed.Count, inBuckets);
    }
}
