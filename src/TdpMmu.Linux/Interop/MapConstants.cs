namespace TdpMmu.Linux;

/// <summary>Constants of mmap, memfd_create, fallocate and open, as x86-64 and arm64 share them.</summary>
internal static class MapConstants
{
    internal const int ProtectNone = 0;
    internal const int ProtectReadWrite = 3;

    internal const int Shared = 0x01;
    internal const int Private = 0x02;
    internal const int Fixed = 0x10;
    internal const int Anonymous = 0x20;
    internal const int NoReserve = 0x4000;
    internal const int HugeTlb = 0x40000;
    internal const int HugeShift = 26;

    internal const uint MemoryFileCloseOnExec = 1;

    internal const int FallocateKeepSize = 1;
    internal const int FallocatePunchHole = 2;

    internal const int OpenReadWrite = 2;
    internal const int OpenNonBlocking = 0x800;
    internal const int OpenCloseOnExec = 0x80000;

    internal static readonly nint Failed = -1;
}
