namespace TdpMmu.Verification.Simulation;

/// <summary>Pages that the faulting thread fetches itself. What they contain does not matter.</summary>
internal sealed class FetchingSource(SharedHost host) : IPageSource
{
    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => host.Fetch();
}
