using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary><c>struct rlimit</c> of a 64-bit system.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ResourceLimitValues
{
    internal const int OpenFiles = 7;

    internal ulong Soft;
    internal ulong Hard;
}
