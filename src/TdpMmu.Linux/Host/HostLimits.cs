using System.Globalization;

namespace TdpMmu.Linux;

/// <summary>What this process may still use, as the kernel and the control group say. <see langword="null"/> where nothing limits it.</summary>
internal static class HostLimits
{
    private const string ControlGroupRoot = "/sys/fs/cgroup";

    internal static ulong? MemoryTotal => ProcFiles.Kibibytes("/proc/meminfo", "MemTotal");

    /// <summary>The smaller of what the host has available and what the control group still allows, in bytes.</summary>
    internal static ulong? MemoryAvailable
    {
        get
        {
            ulong? available = ProcFiles.Kibibytes("/proc/meminfo", "MemAvailable");
            foreach (string group in ControlGroups())
            {
                ulong? limit = ProcFiles.Number(Path.Combine(group, "memory.max"));
                ulong used = ProcFiles.Number(Path.Combine(group, "memory.current")) ?? 0;
                if (limit is { } bytes)
                {
                    ulong left = bytes > used ? bytes - used : 0;
                    available = available is { } smallest ? Math.Min(smallest, left) : left;
                }
            }

            return available;
        }
    }

    internal static ulong? MaximumMappings => ProcFiles.Number("/proc/sys/vm/max_map_count");

    internal static ulong MappingsInUse => (ulong)ProcFiles.CountLines("/proc/self/maps");

    internal static ulong? MaximumThreads => ProcFiles.Number("/proc/sys/kernel/threads-max");

    /// <summary>Threads that may still be started, by the kernel's limit, by process numbers and by the control group.</summary>
    internal static ulong? ThreadsAvailable
    {
        get
        {
            ulong inUse = RunningThreads();
            ulong? available = Left(MaximumThreads, inUse);
            available = Smaller(available, Left(ProcFiles.Number("/proc/sys/kernel/pid_max"), inUse));
            foreach (string group in ControlGroups())
            {
                available = Smaller(available, Left(ProcFiles.Number(Path.Combine(group, "pids.max")), ProcFiles.Number(Path.Combine(group, "pids.current")) ?? 0));
            }

            return available;
        }
    }

    /// <summary>The soft limit of open descriptors.</summary>
    // SAFETY: the structure is a local that outlives the call.
    internal static unsafe ulong? MaximumDescriptors
    {
        get
        {
            ResourceLimitValues values = default;
            return LibC.GetResourceLimit(ResourceLimitValues.OpenFiles, &values) == 0 && values.Soft != ulong.MaxValue ? values.Soft : null;
        }
    }

    internal static ulong DescriptorsInUse => (ulong)ProcFiles.CountEntries("/proc/self/fd");

    /// <summary>The process's control group and those above it; any of them may limit.</summary>
    private static IEnumerable<string> ControlGroups()
    {
        foreach (string line in (ProcFiles.Text("/proc/self/cgroup") ?? "").Split('\n'))
        {
            if (!line.StartsWith("0::", StringComparison.Ordinal))
            {
                continue;
            }

            for (string? group = line[3..].TrimEnd('/'); group is not null; group = group.Length == 0 ? null : group[..group.LastIndexOf('/')])
            {
                yield return ControlGroupRoot + group;
            }
        }
    }

    private static ulong RunningThreads()
    {
        string[] fields = (ProcFiles.Text("/proc/loadavg") ?? "").Split(' ', '/');
        return fields.Length > 4 && ulong.TryParse(fields[4], NumberStyles.None, CultureInfo.InvariantCulture, out ulong threads) ? threads : 0;
    }

    private static ulong? Left(ulong? limit, ulong used) => limit is { } most ? (most > used ? most - used : 0) : null;

    private static ulong? Smaller(ulong? left, ulong? right) => left is { } first && right is { } second ? Math.Min(first, second) : left ?? right;
}
