using System.Runtime.InteropServices;
using TdpMmu.Cli.DemandPaging;

namespace TdpMmu.Cli.Tests.DemandPaging;

public sealed class PagePatternTests
{
    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(1UL << 34)]
    public void PageMatchesItsOwnNumberOnly(ulong page)
    {
        byte[] content = new byte[PageGeometry.PageSize];
        PagePattern.Fill(page, content);

        Assert.Equal(PagePattern.FirstWord(page), MemoryMarshal.Read<ulong>(content));
        Assert.True(PagePattern.Matches(page, content, hasPattern: true, writers: 0, firstWriter: 0));
        Assert.False(PagePattern.Matches(page + 1, content, hasPattern: true, writers: 0, firstWriter: 0));
        Assert.False(PagePattern.Matches(page, new byte[PageGeometry.PageSize], hasPattern: true, writers: 0, firstWriter: 0));
    }

    [Fact]
    public void EveryByteCounts()
    {
        byte[] content = new byte[PageGeometry.PageSize];
        for (int position = 0; position < content.Length; position++)
        {
            PagePattern.Fill(7, content);
            content[position] ^= 1;
            Assert.False(PagePattern.Matches(7, content, hasPattern: true, writers: 0, firstWriter: 0), $"a flipped bit at {position} is not seen");
        }
    }

    [Fact]
    public void GuestWordNamesItsWriter()
    {
        byte[] content = new byte[PageGeometry.PageSize];
        for (int writer = 0; writer < 8; writer++)
        {
            PagePattern.Fill(7, content);
            MemoryMarshal.Write(content.AsSpan((int)PagePattern.GuestWordOffset), PagePattern.GuestWord(7, writer));
            Assert.Equal(writer is >= 2 and < 5, PagePattern.Matches(7, content.ToArray(), hasPattern: true, writers: 3, firstWriter: 2));
        }

        PagePattern.Fill(7, content);
        Assert.False(PagePattern.Matches(7, content, hasPattern: true, writers: 3, firstWriter: 2), "a page that nobody wrote passes for a written one");
    }

    [Fact]
    public void PagesOfZerosAreChecked()
    {
        byte[] content = new byte[PageGeometry.PageSize];
        Assert.True(PagePattern.Matches(3, content, hasPattern: false, writers: 0, firstWriter: 0));
        content[4095] = 1;
        Assert.False(PagePattern.Matches(3, content, hasPattern: false, writers: 0, firstWriter: 0));
    }
}
