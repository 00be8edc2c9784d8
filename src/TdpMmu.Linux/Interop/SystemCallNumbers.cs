using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>Numbers of the system calls that the C library does not wrap.</summary>
internal static class SystemCallNumbers
{
    /// <summary>False where only the exit source works, because the numbers of this architecture are not known here.</summary>
    internal static bool Known => RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;

    internal static nint Userfaultfd => Choose(323, 282);

    internal static nint MemoryBarrier => Choose(324, 283);

    internal static nint GetAffinity => Choose(204, 123);

    private static nint Choose(int x64, int arm64) => RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => x64,
        Architecture.Arm64 => arm64,
        var other => throw new PlatformNotSupportedException($"System call numbers are known for x86-64 and arm64, not for {other}."),
    };
}
