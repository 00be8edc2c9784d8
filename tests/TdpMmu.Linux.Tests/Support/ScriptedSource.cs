namespace TdpMmu.Linux.Tests;

/// <summary>A source that does what a test says.</summary>
internal sealed class ScriptedSource(ScriptedSource.Script script) : IPageSource
{
    internal delegate void Script(ulong page, Span<byte> destination, CancellationToken cancellationToken);

    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => script(pageIndex, destination, cancellationToken);
}
