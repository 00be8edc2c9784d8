using System.Numerics;
using System.Runtime.InteropServices;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>What a page holds, computed from its number alone: every word of every page is different, so no mix-up goes unseen.</summary>
internal static class PagePattern
{
    /// <summary>Byte offset of the word that a writing guest replaces by <see cref="GuestWord"/>.</summary>
    public const ulong GuestWordOffset = sizeof(ulong);

    private const int WordsPerPage = (int)PageGeometry.PageSize / sizeof(ulong);
    private const ulong Step = 0x9E37_79B9_7F4A_7C15;

    /// <summary>The first word of a page; word <c>i</c> follows at <c>i * Step</c> above it.</summary>
    public static ulong FirstWord(ulong page)
    {
        // The finaliser of SplitMix64: neighbouring numbers give unrelated words.
        ulong word = (page + 1) * Step;
        word = (word ^ (word >> 30)) * 0xBF58_476D_1CE4_E5B9;
        word = (word ^ (word >> 27)) * 0x94D0_49BB_1331_11EB;
        return word ^ (word >> 31);
    }

    /// <summary>What a vCPU writes into a page. The vCPU's index can be read back from it.</summary>
    public static ulong GuestWord(ulong page, int vcpu) => ~FirstWord(page) ^ (uint)vcpu;

    /// <summary>Fills a page of 4,096 bytes.</summary>
    public static void Fill(ulong page, Span<byte> destination)
    {
        Span<Vector<ulong>> blocks = MemoryMarshal.Cast<byte, Vector<ulong>>(destination);
        Vector<ulong> value = FirstBlock(page);
        var step = new Vector<ulong>(unchecked(Step * (ulong)Vector<ulong>.Count));
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = value;
            value += step;
        }
    }

    /// <summary>Compares all 4,096 bytes of a page with what it must hold after a run.</summary>
    /// <param name="page">Number of the page.</param>
    /// <param name="content">The page's bytes; the guest's word in it is replaced by what it was before the guest wrote.</param>
    /// <param name="hasPattern">False when the page came in as zeros.</param>
    /// <param name="writers">How many vCPUs may have written the guest's word; 0 when none may.</param>
    /// <param name="firstWriter">Index of the first of them.</param>
    public static bool Matches(ulong page, Span<byte> content, bool hasPattern, int writers, int firstWriter)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(content);
        if (words.Length != WordsPerPage)
        {
            return false;
        }

        if (writers > 0)
        {
            ulong writer = words[1] ^ GuestWord(page, 0);
            if (writer < (ulong)firstWriter || writer - (ulong)firstWriter >= (ulong)writers)
            {
                return false;
            }

            words[1] = hasPattern ? unchecked(FirstWord(page) + Step) : 0;
        }

        if (!hasPattern)
        {
            return !content.ContainsAnyExcept((byte)0);
        }

        Vector<ulong> value = FirstBlock(page);
        var step = new Vector<ulong>(unchecked(Step * (ulong)Vector<ulong>.Count));
        foreach (Vector<ulong> block in MemoryMarshal.Cast<byte, Vector<ulong>>(content))
        {
            if (block != value)
            {
                return false;
            }

            value += step;
        }

        return true;
    }

    private static Vector<ulong> FirstBlock(ulong page)
        => new Vector<ulong>(FirstWord(page)) + (Vector<ulong>.Indices * new Vector<ulong>(Step));
}
