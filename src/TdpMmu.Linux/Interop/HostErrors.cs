using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>Turns a failed call into the exception that callers see: errno's name and what was asked.</summary>
internal static class HostErrors
{
    /// <summary>For use right after a call that returned failure, before any other P/Invoke.</summary>
    internal static HostMemoryException FromLastCall(string call, string asked) => Create(Marshal.GetLastPInvokeError(), call, asked);

    internal static HostMemoryException Create(int errno, string call, string asked, string? remedy = null)
    {
        string message = remedy is null ? $"{call} failed for {asked}." : $"{call} failed for {asked}. {remedy}";
        return new HostMemoryException(Errno.Name(errno), errno, message);
    }
}
