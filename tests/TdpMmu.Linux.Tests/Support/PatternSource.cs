namespace TdpMmu.Linux.Tests;

/// <summary>Supplies each page's pattern.</summary>
internal sealed class PatternSource : IPageSource
{
    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken)
    {
        if (destination.Length != (int)PageGeometry.PageSize)
        {
            Assert.Fail($"The pager asks for {destination.Length} bytes.");
        }

        PagePattern.Fill(pageIndex, destination);
    }
}
