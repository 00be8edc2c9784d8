namespace TdpMmu.Cli.DemandPaging;

/// <summary>Delivers each page's pattern. It has no state, so any number of threads can ask at once.</summary>
internal sealed class PatternPageSource : IPageSource
{
    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => PagePattern.Fill(pageIndex, destination);
}
