using System.Runtime.InteropServices;

namespace TdpMmu.Engine.Tests.Support;

/// <summary>Delivers pages whose words are computed from the page's number, after an optional hook.</summary>
internal sealed class PatternSource : IPageSource
{
    private int _fetches;

    internal int Fetches => Volatile.Read(ref _fetches);

    internal Action<ulong, CancellationToken>? Fetching { get; set; }

    internal static ulong WordOf(ulong page, int index) => (page * 0x9e37_79b9_7f4a_7c15) + (ulong)index + 1;

    public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _fetches);
        Fetching?.Invoke(pageIndex, cancellationToken);
        var words = MemoryMarshal.Cast<byte, ulong>(destination);
        for (var index = 0; index < words.Length; index++)
        {
            words[index] = WordOf(pageIndex, index);
        }
    }
}
