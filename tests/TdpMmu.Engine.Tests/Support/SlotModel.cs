namespace TdpMmu.Engine.Tests.Support;

/// <summary>A slot as the model knows it.</summary>
internal sealed class SlotModel(MemorySlot slot, int maxLevel)
{
    internal MemorySlot Slot => slot;

    internal NativeHostMemory Memory => (NativeHostMemory)slot.Memory;

    internal GfnRange Range => slot.Range;

    /// <summary>The highest level that options and alignment allow.</summary>
    internal int MaxLevel => maxLevel;

    internal bool SmallPagesOnly { get; set; }

    internal ulong PageOf(ulong frame) => frame - Range.Start.Value + (slot.MemoryOffset / PageGeometry.PageSize);

    internal ulong HostOf(ulong frame) => (Memory.BaseAddress.Value >> PageGeometry.PageShift) + PageOf(frame);

    internal bool Covers(ulong start, ulong frames) => start >= Range.Start.Value && start + frames <= Range.End.Value;
}
