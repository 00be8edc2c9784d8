namespace TdpMmu.Linux.Tests;

/// <summary>Supplies each page's pattern.</summary>
internal sealed class PatternSource : IPageSource
{
    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken)
    {
        Assert.Equal((int)PageGeometry.PageSize, destination.Length);
        PagePattern.Fill(pageIndex, destination);
    }
}
