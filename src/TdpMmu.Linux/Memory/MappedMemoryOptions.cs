namespace TdpMmu.Linux;

/// <summary>How <see cref="MappedMemory.Create"/> obtains its memory.</summary>
public sealed class MappedMemoryOptions
{
    /// <summary>Bytes; a positive multiple of 4096, and of <see cref="HugePageSize"/> for <see cref="MemoryBacking.HugeTlb"/>.</summary>
    public required ulong Length { get; init; }

    /// <summary>What lies below. Anonymous memory unless said otherwise.</summary>
    public MemoryBacking Backing { get; init; }

    /// <summary>
    /// Asks the kernel for transparent huge pages. Off by default, and then refused outright, so that a measurement means the same on each machine.
    /// </summary>
    public bool TransparentHugePages { get; init; }

    /// <summary>Who brings a missing page in.</summary>
    public PageFilling Filling { get; init; } = PageFilling.HostFilled;

    /// <summary>Where the contents of missing pages come from. Wanted for <see cref="PageFilling.Userfault"/> and <see cref="PageFilling.FaultingThread"/>.</summary>
    public IPageSource? Source { get; init; }

    /// <summary>
    /// Allocates all host pages at once. For userfault memory on <see cref="MemoryBacking.SharedMemfd"/> the pages of the file are allocated
    /// through the alias: they stay unmapped, so that each still raises one minor fault. Other userfault memory refuses it.
    /// </summary>
    public bool Populate { get; init; }

    /// <summary>
    /// The base address is a multiple of this, a power of two of at least 4096 bytes. Zero means 2 MiB, and 1 GiB from a length of 1 GiB on.
    /// </summary>
    public ulong Alignment { get; init; }

    /// <summary>
    /// Bytes that a faulting thread asks the host for at a time: a power of two from 4 KiB to 256 KiB. 64 KiB by default; 4 KiB where memory
    /// that the guest never touches must not be backed.
    /// </summary>
    public ulong PopulateUnit { get; init; } = 64 << 10;

    /// <summary>The page size of <see cref="MemoryBacking.HugeTlb"/> in bytes: 2 MiB or 1 GiB, or another that the host has a pool for.</summary>
    public ulong HugePageSize { get; init; } = 2UL << 20;
}
