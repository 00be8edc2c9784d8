namespace TdpMmu.Formats;

/// <summary>What the entries of EPT and NPT have in common: the frame field, the MMU's own present bit, and the MMIO generation.</summary>
internal static class SharedSpteBits
{
    /// <summary>Bits 51:12: the physical address of the page or table.</summary>
    internal const ulong FrameMask = 0x000f_ffff_ffff_f000;

    /// <summary>Bit 7 of entries above 4 KiB: maps memory (Intel SDM vol. 3C tables 30-3 and 30-5; AMD APM vol. 2, 5.3).</summary>
    internal const ulong Large = 1UL << 7;

    /// <summary>Bit 11, ignored by both processors: the entry is present for the MMU.</summary>
    internal const ulong MmuPresent = 1UL << 11;

    /// <summary>
    /// The frozen value. It has no right, no frame and no present bit; bits 5, 7, 8 and 10 make it unlike anything else, and
    /// make it look large and accessed to whoever forgets to ask for presence first.
    /// </summary>
    internal const ulong Frozen = 0x5a0;

    internal const int MmioGenerationBits = 19;
    private const int MmioLowBits = 8;
    private const int MmioLowShift = 3;
    private const int MmioHighShift = 52;

    /// <summary>The generation's low 8 bits in bits 10:3, its high 11 bits in bits 62:52.</summary>
    internal static ulong PackMmioGeneration(ulong generation)
    {
        generation &= (1UL << MmioGenerationBits) - 1;
        return ((generation & 0xff) << MmioLowShift) | ((generation >> MmioLowBits) << MmioHighShift);
    }

    internal static ulong UnpackMmioGeneration(ulong value) =>
        ((value >> MmioLowShift) & 0xff) | (((value >> MmioHighShift) & 0x7ff) << MmioLowBits);

    /// <summary>Moves the frame of a large leaf to the part that a child maps.</summary>
    internal static ulong ChildFrame(ulong value, int levelOfChild, int indexBits, int index) =>
        value + ((ulong)index << (PageGeometry.PageShift + ((levelOfChild - 1) * indexBits)));

    /// <summary>Whether the low bits of a leaf's frame that its size implies are clear.</summary>
    internal static bool IsFrameAligned(ulong value, int level, int indexBits) =>
        (((value & FrameMask) >> PageGeometry.PageShift) & ((1UL << ((level - 1) * indexBits)) - 1)) == 0;
}
