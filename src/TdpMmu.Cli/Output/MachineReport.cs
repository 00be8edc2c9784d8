using System.Runtime.InteropServices;

namespace TdpMmu.Cli.Output;

/// <summary>The machine that a run was measured on.</summary>
internal sealed record MachineReport
{
    /// <summary>CPU model as the kernel names it; null where the kernel does not say.</summary>
    public required string? CpuModel { get; init; }

    /// <summary>CPUs that this process may use.</summary>
    public required int Cores { get; init; }

    /// <summary>Physical memory in bytes.</summary>
    public required ulong? MemoryBytes { get; init; }

    public required string Kernel { get; init; }

    public required string Architecture { get; init; }

    public required string Runtime { get; init; }

    public static MachineReport OfThisMachine() => new()
    {
        CpuModel = ValueOf("/proc/cpuinfo", "model name"),
        Cores = Environment.ProcessorCount,
        MemoryBytes = KibibytesOf("/proc/meminfo", "MemTotal"),
        Kernel = KernelRelease(),
        Architecture = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant(),
        Runtime = RuntimeInformation.FrameworkDescription,
    };

    private static string KernelRelease()
    {
        const string ReleasePath = "/proc/sys/kernel/osrelease";
        return File.Exists(ReleasePath) ? "Linux " + File.ReadAllText(ReleasePath).Trim() : RuntimeInformation.OSDescription;
    }

    private static ulong? KibibytesOf(string path, string key)
    {
        string? number = ValueOf(path, key)?.Split(' ')[0];
        return ulong.TryParse(number, out ulong kibibytes) ? kibibytes * 1024 : null;
    }

    /// <summary>The value of a <c>key : value</c> line, or null: these files differ between architectures and are absent off Linux.</summary>
    private static string? ValueOf(string path, string key)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        foreach (string line in File.ReadLines(path))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line.AsSpan(0, colon).Trim().SequenceEqual(key))
            {
                return line[(colon + 1)..].Trim();
            }
        }

        return null;
    }
}
