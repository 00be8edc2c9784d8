namespace TdpMmu;

/// <summary>What can be chosen about a memory slot.</summary>
public sealed class MemorySlotOptions
{
    /// <summary>Whether the guest may only read. Writes become MMIO exits. False by default.</summary>
    public bool ReadOnly { get; init; }

    /// <summary>Where in the host memory the slot begins, in bytes; a multiple of 4 KiB. 0 by default.</summary>
    public ulong MemoryOffset { get; init; }

    /// <summary>The slot's size in bytes, a multiple of 4 KiB; null for the rest of the host memory.</summary>
    public ulong? Length { get; init; }

    /// <summary>The largest mapping: <see cref="PagingLevel.Page4KiB"/>, 2 MiB or 1 GiB (the default).</summary>
    public PagingLevel MaxPageLevel { get; init; } = PagingLevel.Page1GiB;
}
