using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary><c>struct uffd_msg</c>, as a page fault fills it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct UserfaultMessage
{
    internal const byte PageFault = 0x12;

    internal const ulong WriteFlag = 1;
    internal const ulong WriteProtectFlag = 2;
    internal const ulong MinorFlag = 4;

    [FieldOffset(0)]
    internal byte Event;

    [FieldOffset(8)]
    internal ulong Flags;

    [FieldOffset(16)]
    internal ulong Address;
}
