namespace TdpMmu.Formats;

/// <summary>
/// A second-stage paging format: how entries are laid out. Static members only, so that the MMU is compiled for each format
/// without a call being left.
/// </summary>
/// <remarks>
/// Values that are not present fall into three kinds, which are told apart before any other bit is decoded, because they reuse
/// bits that mean something else in present entries: the non-present value, the frozen value, and MMIO values.
/// </remarks>
internal interface IPagingFormat
{
    /// <summary>The name in options and output.</summary>
    static abstract string Name { get; }

    /// <summary>Levels of tables.</summary>
    static abstract int Levels { get; }

    /// <summary>Bits of index per level.</summary>
    static abstract int IndexBits { get; }

    /// <summary>The highest level whose entries may map memory.</summary>
    static abstract PagingLevel HighestLeafLevel { get; }

    /// <summary>The value of an entry that maps nothing. It is zero, so that a zeroed table maps nothing.</summary>
    static abstract Spte NonPresent { get; }

    /// <summary>The value that an entry of an unlinked table has: not present, and changed by its owner alone.</summary>
    static abstract Spte Frozen { get; }

    /// <summary>Whether the entry maps memory or points to a table.</summary>
    static abstract bool IsPresent(Spte entry);

    /// <summary>Whether a present entry of this level maps memory.</summary>
    static abstract bool IsLeaf(Spte entry, PagingLevel level);

    /// <summary>Whether the value marks emulated memory.</summary>
    static abstract bool IsMmio(Spte entry);

    /// <summary>The frame that a present entry points to.</summary>
    static abstract Pfn FrameOf(Spte entry);

    /// <summary>An entry that points to a table. Rights of tables are full; leaves decide.</summary>
    static abstract Spte MakeTable(Pfn table);

    /// <summary>An entry that maps memory.</summary>
    /// <param name="frame">The first frame, aligned to the level.</param>
    /// <param name="level">The entry's level.</param>
    /// <param name="access">What is permitted.</param>
    /// <param name="hostWritable">Whether the host allows writing; then the MMU may grant it without looking again.</param>
    /// <param name="dirty">Whether the access that installs it is a write.</param>
    static abstract Spte MakeLeaf(Pfn frame, PagingLevel level, GuestAccess access, bool hostWritable, bool dirty);

    /// <summary>The part of a large leaf that a leaf of the next level down maps, with the same rights and history.</summary>
    /// <param name="leaf">The large leaf.</param>
    /// <param name="level">Its level.</param>
    /// <param name="index">Which part.</param>
    static abstract Spte MakeSplitChild(Spte leaf, PagingLevel level, int index);

    /// <summary>What a present leaf permits.</summary>
    static abstract GuestAccess AccessOf(Spte leaf);

    /// <summary>Whether the leaf was used.</summary>
    static abstract bool IsAccessed(Spte leaf);

    /// <summary>Whether the leaf was written through.</summary>
    static abstract bool IsDirty(Spte leaf);

    /// <summary>The leaf as hardware leaves it after an access: Accessed set, and Dirty for a write.</summary>
    static abstract Spte WithAccessRecorded(Spte leaf, bool write);

    /// <summary>The leaf as if it had not been written through.</summary>
    static abstract Spte WithoutDirty(Spte leaf);

    /// <summary>Whether the MMU may grant writing with one compare-and-swap.</summary>
    static abstract bool IsMmuWritable(Spte leaf);

    /// <summary>Whether the host allows writing. Constant while the entry is present.</summary>
    static abstract bool IsHostWritable(Spte leaf);

    /// <summary>The leaf with writing granted, and dirty.</summary>
    static abstract Spte WithWriteGranted(Spte leaf);

    /// <summary>The leaf with writing taken away.</summary>
    /// <param name="leaf">The leaf.</param>
    /// <param name="keepMmuWritable">Whether a fast fault may grant it again.</param>
    static abstract Spte WithoutWrite(Spte leaf, bool keepMmuWritable);

    /// <summary>A value that makes accesses fault as emulated memory.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="generation">The slot generation that it belongs to; 19 bits are kept.</param>
    static abstract Spte MakeMmio(Gfn frame, ulong generation);

    /// <summary>The generation of an MMIO value, 19 bits.</summary>
    static abstract ulong MmioGenerationOf(Spte entry);

    /// <summary>The frame of an MMIO value.</summary>
    static abstract Gfn MmioFrameOf(Spte entry);

    /// <summary>Whether a value is one that this format's rules allow at a level: invariants I6, I9 and I13.</summary>
    static abstract bool IsWellFormed(Spte entry, PagingLevel level);
}
