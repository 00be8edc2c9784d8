using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Slots;

/// <summary>A slot as the MMU sees it: native, immutable but for its flags, freed after every section that could see it.</summary>
[StructLayout(LayoutKind.Sequential, Size = NativeBlock.LineBytes)]
internal unsafe struct SlotRecord
{
    internal ulong FlagsWord;
    internal Gfn BaseFrame;
    internal ulong PageCount;
    internal Hva BaseHost;

    /// <summary>The number that the slot's first page has in its memory.</summary>
    internal ulong FirstPage;

    /// <summary>The slot's place in the table of managed slots.</summary>
    internal int Index;

    /// <summary>The highest level at which alignment and options allow a mapping.</summary>
    internal PagingLevel MaxLevel;

    internal readonly GfnRange Range => new(BaseFrame, PageCount);

    // SAFETY: records lie in native memory that does not move; callers hold a section, a reference or the slot gate.
    internal static AtomicWord Flags(SlotRecord* record) => new(&record->FlagsWord);

    internal static SlotFlags LoadFlags(SlotRecord* record) => (SlotFlags)Atomics.LoadAcquire(Flags(record));

    internal readonly ulong PageOf(Gfn frame) => frame.Value - BaseFrame.Value + FirstPage;

    internal readonly Pfn HostFrameOf(Gfn frame) => BaseHost.Frame.Plus(frame.Value - BaseFrame.Value);
}
