using TdpMmu.Concurrency;
using TdpMmu.Engine.Tests.Support;
using TdpMmu.Formats;
using TdpMmu.Legacy;
using TdpMmu.Machine;

namespace TdpMmu.Engine.Tests.Legacy;

/// <summary>A machine with the legacy MMU, its memory, and the check that all of it is gone afterwards.</summary>
internal sealed class LegacyMachine : IDisposable
{
    private readonly long _liveBytes = NativeBlock.LiveBytes;
    private readonly List<HostMemory> _memories = [];

    internal LegacyMachine(int vcpus = 1, ulong tableLimit = ulong.MaxValue) =>
        Machine = new VirtualMachine(new VirtualMachineOptions { Mmu = MmuKind.Legacy, VcpuCount = vcpus, PageTableLimitBytes = tableLimit });

    internal VirtualMachine Machine { get; }

    internal LegacyMmu<Ept<FourLevel>> Mmu => (LegacyMmu<Ept<FourLevel>>)Machine.Mmu;

    internal VirtualMachineStatistics Statistics => Machine.GetStatistics();

    internal AlignedMemory CreateMemory(ulong pages)
    {
        var memory = new AlignedMemory(pages);
        _memories.Add(memory);
        return memory;
    }

    /// <summary>Shows pages of a memory at a frame.</summary>
    internal MemorySlot AddSlot(ulong frame, HostMemory memory, ulong firstPage = 0, ulong? pages = null, PagingLevel? limit = null) =>
        Machine.AddSlot(new Gfn(frame).Address, memory, new MemorySlotOptions
        {
            MemoryOffset = firstPage * PageGeometry.PageSize,
            Length = pages * PageGeometry.PageSize,
            MaxPageLevel = limit ?? PagingLevel.Page4KiB,
        });

    internal FaultOutcome Fault(ulong frame, GuestAccess access = GuestAccess.Write, bool present = false) =>
        Mmu.HandleFault(0, new Gfn(frame), access, present);

    internal void Zap(ulong frame, ulong count) => Machine.Zap(new GfnRange(new Gfn(frame), count));

    internal void WriteProtect(ulong frame, ulong count, bool keepMmuWritable) => Machine.OnHostLane(lane =>
    {
        Mmu.WriteProtect(lane, new GfnRange(new Gfn(frame), count), keepMmuWritable);
        return true;
    });

    /// <summary>The first frames of all leaves, after a check of all invariants.</summary>
    internal ulong[] CheckedFrames()
    {
        Mmu.CheckTables();
        return [.. Mmu.ListMappings().Select(static mapping => mapping.Frame.Value)];
    }

    public void Dispose()
    {
        Mmu.CheckTables();
        Assert.Equal(0UL, Machine.Core.Flush.OutstandingDebt);
        Machine.Dispose();
        foreach (var memory in _memories)
        {
            memory.Dispose();
        }

        Assert.Equal(_liveBytes, NativeBlock.LiveBytes);
    }
}
