namespace TdpMmu.Verification;

/// <summary>What holds for a slot.</summary>
/// <param name="Range">Its frames.</param>
/// <param name="Memory">What it shows.</param>
/// <param name="FirstPage">The page of the memory that its first frame shows.</param>
/// <param name="ReadOnly">Whether guests may only read.</param>
/// <param name="MaxLevel">The largest mapping.</param>
internal sealed record SlotRule(GfnRange Range, CheckedMemory Memory, ulong FirstPage, bool ReadOnly, PagingLevel MaxLevel)
{
    /// <summary>Whether dirty pages are logged, from the moment at which starting the log returned.</summary>
    internal bool LogsDirty { get; set; }
}
