using System.Globalization;
using System.Runtime.InteropServices;

namespace TdpMmu.Linux;

/// <summary>What a machine offers, what each lack turns off, and how to get it. Thread-safe; starts nothing and changes nothing.</summary>
public static class HostCapabilities
{
    private const int MemoryBarrierQuery = 0;
    private const int PrivateExpedited = 1 << 3;
    private const string FaultingThreadRemains = "pages are then brought in by the faulting thread (the exit source) only";

    /// <summary>Asks the machine.</summary>
    public static IReadOnlyList<HostCapability> Probe()
    {
        var found = new List<HostCapability>();
        AddFacts(found);
        UserfaultProbe.Add(found, FaultingThreadRemains);
        AddHugePages(found);
        AddKvm(found);
        AddMemoryBarrier(found);
        AddLimits(found);
        return found;
    }

    private static void AddFacts(List<HostCapability> found)
    {
        bool known = SystemCallNumbers.Known;
        IReadOnlyList<int> cpus = known ? CpuAffinity.UsableCpus : [];
        found.Add(Fact("CPU", ProcFiles.Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString()));
        found.Add(new HostCapability
        {
            Name = "cores",
            Available = cpus.Count > 1,
            Detail = $"{cpus.Count} usable by this process",
            TurnsOff = "parallel faults are interleaved on one core, and a fault handler shares it with its vCPU",
            Remedy = cpus.Count > 1 ? "" : "give the process more CPUs (taskset, cpuset)",
        });
        found.Add(Fact("memory", $"{Gibibytes(HostLimits.MemoryTotal)} in total, {Gibibytes(HostLimits.MemoryAvailable)} available to this process"));
        found.Add(Fact("kernel", ProcFiles.Text("/proc/sys/kernel/osrelease") ?? Environment.OSVersion.VersionString));
        found.Add(Fact("libc", LibraryName()));
        found.Add(new HostCapability
        {
            Name = "architecture",
            Available = known,
            Detail = RuntimeInformation.ProcessArchitecture.ToString(),
            TurnsOff = "userfaultfd and pinning: their system call numbers are known for x86-64 and arm64 only",
        });
        bool smallPages = (ulong)Environment.SystemPageSize == PageGeometry.PageSize;
        found.Add(new HostCapability
        {
            Name = "host page size",
            Available = smallPages,
            Detail = $"{Environment.SystemPageSize} bytes",
            TurnsOff = "guest memory from mmap, and with it everything that runs on real memory",
            Remedy = smallPages ? "" : "a kernel with pages of 4 KiB",
        });
    }

    private static void AddHugePages(List<HostCapability> found)
    {
        string? modes = ProcFiles.Text("/sys/kernel/mm/transparent_hugepage/enabled");
        bool transparent = modes is not null && !modes.Contains("[never]", StringComparison.Ordinal);
        found.Add(new HostCapability
        {
            Name = "transparent huge pages",
            Available = transparent,
            Detail = modes is null ? "not built into this kernel" : $"anonymous {modes}; shared {ProcFiles.Text("/sys/kernel/mm/transparent_hugepage/shmem_enabled") ?? "unknown"}",
            TurnsOff = "2 MiB host pages on request; guest mappings of 2 MiB work all the same",
            Remedy = transparent || modes is null ? "" : "as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        });
        foreach (HugePagePool pool in HugePagePool.All())
        {
            found.Add(new HostCapability
            {
                Name = string.Create(CultureInfo.InvariantCulture, $"huge pages of {pool.PageBytes >> 20} MiB"),
                Available = pool.Free > 0,
                Detail = $"{pool.Total} in the pool, {pool.Free} free",
                TurnsOff = "guest memory on huge pages of this size",
                Remedy = pool.Free > 0 ? "" : $"as root: echo COUNT > {pool.Directory}/nr_hugepages",
            });
        }
    }

    // SAFETY: the path is a constant that ends in a zero byte.
    private static unsafe void AddKvm(List<HostCapability> found)
    {
        int descriptor;
        fixed (byte* path = "/dev/kvm\0"u8)
        {
            descriptor = LibC.Open(path, MapConstants.OpenReadWrite | MapConstants.OpenCloseOnExec);
        }

        int errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        if (descriptor >= 0)
        {
            _ = LibC.Close(descriptor);
        }

        found.Add(new HostCapability
        {
            Name = "/dev/kvm",
            Available = descriptor >= 0,
            Detail = descriptor >= 0 ? "can be opened" : $"cannot be opened: {Errno.Name(errno)}",
            TurnsOff = "comparing the page tables with what real hardware does; nothing else uses it",
            Remedy = errno switch
            {
                Errno.EACCES or Errno.EPERM => "add the user to the group that owns /dev/kvm",
                0 => "",
                _ => "enable virtualization in the firmware, or nested virtualization in the hypervisor above",
            },
        });
    }

    private static void AddMemoryBarrier(List<HostCapability> found)
    {
        nint commands = SystemCallNumbers.Known ? LibC.SystemCall(SystemCallNumbers.MemoryBarrier, MemoryBarrierQuery, 0, 0) : -1;
        bool expedited = commands >= 0 && (commands & PrivateExpedited) != 0;
        found.Add(new HostCapability
        {
            Name = "process-wide fence",
            Available = expedited,
            Detail = expedited ? "membarrier private expedited" : "membarrier private expedited is not offered",
            TurnsOff = "cheap flushes: the runtime falls back to a slower way to fence all threads",
            Remedy = expedited ? "" : "Linux 4.14 or later, and a sandbox that lets membarrier through",
        });
    }

    private static void AddLimits(List<HostCapability> found)
    {
        found.Add(Fact("mappings", $"{HostLimits.MappingsInUse} of {Count(HostLimits.MaximumMappings)} (vm.max_map_count)"));
        found.Add(Fact("threads", $"{Count(HostLimits.ThreadsAvailable)} more of {Count(HostLimits.MaximumThreads)} (kernel.threads-max)"));
        found.Add(Fact("descriptors", $"{HostLimits.DescriptorsInUse} of {Count(HostLimits.MaximumDescriptors)} (RLIMIT_NOFILE)"));
    }

    private static HostCapability Fact(string name, string detail) => new() { Name = name, Available = true, Detail = detail };

    private static string Count(ulong? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "no limit";

    private static string Gibibytes(ulong? bytes) =>
        bytes is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value / (double)(1UL << 30):0.0} GiB") : "unknown";

    // SAFETY: the C library returns a constant string of its own.
    private static unsafe string LibraryName()
    {
        try
        {
            return "glibc " + Marshal.PtrToStringUTF8((nint)LibC.GetGnuVersion());
        }
        catch (EntryPointNotFoundException)
        {
            return "not glibc";
        }
    }
}
