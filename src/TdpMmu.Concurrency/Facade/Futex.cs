using System.Runtime.InteropServices;

namespace TdpMmu.Concurrency;

/// <summary>Parking on a 32-bit word: futex(2) on Linux, timed polling elsewhere.</summary>
internal static unsafe partial class Futex
{
    private const int WaitPrivate = 0 | 128;
    private const int WakePrivate = 1 | 128;
    private const int TimedOut = 110;

    private static readonly nint s_callNumber = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 202,
        Architecture.Arm64 => 98,
        _ => 0,
    };

    private static bool IsSupported => OperatingSystem.IsLinux() && s_callNumber != 0;

    /// <summary>Blocks while the word holds <paramref name="expected"/>; a negative timeout waits without end.</summary>
    /// <returns>False when the time ran out; true for a wake-up, a changed word or a signal, which callers treat alike.</returns>
    internal static bool Wait(uint* address, uint expected, long timeoutNanoseconds)
    {
        if (!IsSupported)
        {
            return Poll(address, expected, timeoutNanoseconds);
        }

        TimeSpecification timeout;
        TimeSpecification* pointer = null;
        if (timeoutNanoseconds >= 0)
        {
            timeout.Seconds = timeoutNanoseconds / 1_000_000_000;
            timeout.Nanoseconds = timeoutNanoseconds % 1_000_000_000;
            pointer = &timeout;
        }

        // SAFETY: the word is mapped for the whole call by the caller's contract; the time lies on this frame.
        var result = SystemCall(s_callNumber, address, WaitPrivate, expected, pointer, null, 0);
        return result == 0 || Marshal.GetLastPInvokeError() != TimedOut;
    }

    /// <summary>Wakes up to <paramref name="count"/> waiters.</summary>
    internal static void Wake(uint* address, int count)
    {
        if (IsSupported)
        {
            // SAFETY: the kernel uses the address as a key only.
            _ = SystemCall(s_callNumber, address, WakePrivate, (uint)count, null, null, 0);
        }
    }

    private static bool Poll(uint* address, uint expected, long timeoutNanoseconds)
    {
        var start = Environment.TickCount64;
        while (Volatile.Read(ref *address) == expected)
        {
            if (timeoutNanoseconds >= 0 && (Environment.TickCount64 - start) * 1_000_000 >= timeoutNanoseconds)
            {
                return false;
            }

            Thread.Sleep(1);
        }

        return true;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint SystemCall(
        nint number, uint* address, int operation, uint value, TimeSpecification* timeout, uint* second, uint third);

    private struct TimeSpecification
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
