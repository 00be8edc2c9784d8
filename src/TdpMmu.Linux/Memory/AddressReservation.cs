namespace TdpMmu.Linux;

/// <summary>
/// A range of address space with the alignment that was asked for and an inaccessible guard on both sides, so that an access past either end
/// traps and never lands in a neighbour.
/// </summary>
internal sealed class AddressReservation : IDisposable
{
    private const ulong GuardBytes = 64 * 1024;
    private readonly ulong _start;
    private readonly ulong _length;
    private int _released;

    private AddressReservation(ulong start, ulong length)
    {
        _start = start;
        _length = length;
        LiveResources.MappingAdded();
    }

    /// <summary>The first usable byte.</summary>
    internal ulong Base => _start + GuardBytes;

    /// <summary>Reserves <paramref name="length"/> bytes at a multiple of <paramref name="alignment"/> (a power of two of at least 4 KiB).</summary>
    internal static AddressReservation Create(ulong length, ulong alignment)
    {
        ulong total = checked(length + alignment + (2 * GuardBytes));
        nint mapped = LibC.MemoryMap(0, (nuint)total, MapConstants.ProtectNone, MapConstants.Private | MapConstants.Anonymous | MapConstants.NoReserve, -1, 0);
        if (mapped == MapConstants.Failed)
        {
            throw HostErrors.FromLastCall("mmap", $"reserving {total} bytes of address space");
        }

        ulong first = (ulong)mapped;
        ulong usable = (first + GuardBytes + alignment - 1) & ~(alignment - 1);
        ulong start = usable - GuardBytes;
        ulong kept = length + (2 * GuardBytes);
        Unmap(first, start - first);
        Unmap(start + kept, first + total - start - kept);
        return new AddressReservation(start, kept);
    }

    /// <summary>Replaces the usable part with a real mapping.</summary>
    /// <returns>0, or the error number.</returns>
    internal int Fill(ulong length, int flags, int descriptor)
    {
        nint mapped = LibC.MemoryMap((nint)Base, (nuint)length, MapConstants.ProtectReadWrite, flags | MapConstants.Fixed, descriptor, 0);
        return mapped == MapConstants.Failed ? System.Runtime.InteropServices.Marshal.GetLastPInvokeError() : 0;
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
        {
            Unmap(_start, _length);
            LiveResources.MappingRemoved();
        }
    }

    private static void Unmap(ulong address, ulong length)
    {
        if (length != 0 && LibC.MemoryUnmap((nint)address, (nuint)length) != 0)
        {
            throw HostErrors.FromLastCall("munmap", $"{length} bytes at 0x{address:x}");
        }
    }
}
