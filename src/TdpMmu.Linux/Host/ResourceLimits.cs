namespace TdpMmu.Linux;

/// <summary>
/// Refuses a run that this machine cannot hold before anything of it starts: running out of mappings while threads start ends the process with no
/// exception that could be caught. Thread-safe.
/// </summary>
public static class ResourceLimits
{
    /// <summary>Guard, stack, alternate signal stack and the allocator's arena.</summary>
    private const ulong MappingsPerThread = 4;

    /// <summary>Descriptors, threads and mappings that the runtime itself may still open.</summary>
    private const ulong Spare = 64;

    private const ulong SpareMemory = 256UL << 20;

    /// <summary>Compares a demand with what is left.</summary>
    /// <returns>One line that says what is lacking and how to get it, or <see langword="null"/> when everything is there.</returns>
    public static string? Refuse(ResourceDemand demand)
    {
        ArgumentNullException.ThrowIfNull(demand);
        ulong threads = (ulong)demand.Threads;
        ulong mappings = (ulong)demand.Mappings + (threads * MappingsPerThread);
        return RefuseAmount("threads", threads, Spare, HostLimits.ThreadsAvailable, "raise kernel.threads-max, kernel.pid_max or the control group's pids.max, or use fewer vCPUs")
            ?? RefuseAmount("memory mappings", mappings, Spare, Left(HostLimits.MaximumMappings, HostLimits.MappingsInUse), "raise vm.max_map_count, or use fewer vCPUs")
            ?? RefuseAmount("file descriptors", (ulong)demand.Descriptors, Spare, Left(HostLimits.MaximumDescriptors, HostLimits.DescriptorsInUse), "raise RLIMIT_NOFILE (ulimit -n), or share one fault handler")
            ?? RefuseAmount("bytes of memory", demand.MemoryBytes, SpareMemory, HostLimits.MemoryAvailable, "use less guest memory, or raise the control group's memory.max");
    }

    private static string? RefuseAmount(string what, ulong wanted, ulong spare, ulong? available, string remedy) =>
        wanted != 0 && available is { } left && wanted > (left > spare ? left - spare : 0)
            ? $"needs {wanted} more {what}, and this machine has {left} left, of which {spare} are kept in reserve: {remedy}"
            : null;

    private static ulong? Left(ulong? limit, ulong used) => limit is { } most ? (most > used ? most - used : 0) : null;
}
