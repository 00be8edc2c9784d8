using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary><c>struct pollfd</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    internal const short Readable = 0x1;
    internal const short Error = 0x8;
    internal const short HangUp = 0x10;
    internal const short Invalid = 0x20;

    internal int Descriptor;
    internal short Events;
    internal short Returned;
}
