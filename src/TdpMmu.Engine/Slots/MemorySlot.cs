namespace TdpMmu;

/// <summary>A range of guest physical addresses that shows a piece of host memory.</summary>
/// <remarks>Thread-safe. Created by <see cref="VirtualMachine.AddSlot"/> and ended by <see cref="VirtualMachine.DeleteSlot"/>.</remarks>
public sealed unsafe class MemorySlot
{
    // SAFETY: the record is freed by the slot table when the slot is deleted; only the table and the fault path follow it,
    // under the protocol that deletion waits for.
    internal MemorySlot(HostMemory memory, Slots.SlotRecord* record, bool isReadOnly)
    {
        Memory = memory;
        Record = record;
        IsReadOnly = isReadOnly;
        Range = record->Range;
        MemoryOffset = record->FirstPage * PageGeometry.PageSize;
    }

    /// <summary>The first guest physical address.</summary>
    public Gpa BaseAddress => Range.Start.Address;

    /// <summary>The size in bytes.</summary>
    public ulong Length => Range.Count * PageGeometry.PageSize;

    /// <summary>The guest frames.</summary>
    public GfnRange Range { get; }

    /// <summary>The host memory that the slot shows.</summary>
    public HostMemory Memory { get; }

    /// <summary>Where in the memory the slot begins, in bytes.</summary>
    public ulong MemoryOffset { get; }

    /// <summary>64-bit words that a copy of the slot's dirty log takes.</summary>
    public int DirtyLogWords => checked((int)((Range.Count + 63) / 64));

    /// <summary>Whether the guest may only read.</summary>
    public bool IsReadOnly { get; }

    internal Slots.SlotRecord* Record { get; }

    /// <summary>Marks that are not in entries; null until dirty pages are first logged, and then as long as the slot.</summary>
    internal DirtyTracking.DirtyBitmap? Dirty { get; set; }

    /// <summary>The number that a frame of the slot has in its memory.</summary>
    internal ulong PageOf(Gfn frame) => frame.Value - Range.Start.Value + (MemoryOffset / PageGeometry.PageSize);
}
