using System.Runtime.InteropServices;

namespace TdpMmu.Engine.Tests.Legacy;

/// <summary>Present host memory at a 2 MiB boundary.</summary>
internal sealed unsafe class AlignedMemory : HostMemory
{
    internal AlignedMemory(ulong pages)
        : base(
            new Hva((ulong)NativeMemory.AlignedAlloc((nuint)(pages * PageGeometry.PageSize), (nuint)PageGeometry.Size2MiB)),
            pages * PageGeometry.PageSize,
            PageFilling.Resident,
            source: null)
    {
        NativeMemory.Clear((void*)BaseAddress.Value, (nuint)Length);
    }

    public override void Populate(ulong offset, ulong length, bool write)
    {
    }

    protected internal override void Discard(ulong offset, ulong length) => NativeMemory.Clear((byte*)BaseAddress.Value + offset, (nuint)length);

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        NativeMemory.AlignedFree((void*)BaseAddress.Value);
    }

    // SAFETY: the allocation has the length that the base class is told, and lives until no slot shows it.
}
