using System.Runtime.InteropServices;

namespace TdpMmu.Linux.Tests;

/// <summary>Page contents that follow from the page's number.</summary>
internal static class PagePattern
{
    internal static ulong Word(ulong page, int index) => ((page + 1) * 0x9E37_79B9_7F4A_7C15) ^ ((ulong)index << 32);

    internal static void Fill(ulong page, Span<byte> destination)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(destination);
        for (int index = 0; index < words.Length; index++)
        {
            words[index] = Word(page, index);
        }
    }
}
