using System.Globalization;

namespace TdpMmu.Linux;

/// <summary>One of the host's pools of huge pages.</summary>
internal readonly record struct HugePagePool(string Directory, ulong PageBytes, ulong Total, ulong Free)
{
    private const string Root = "/sys/kernel/mm/hugepages";
    private const string Prefix = "hugepages-";

    /// <summary>The pools by page size, ascending; empty where the kernel has none.</summary>
    internal static IReadOnlyList<HugePagePool> All()
    {
        var pools = new List<HugePagePool>();
        if (!System.IO.Directory.Exists(Root))
        {
            return pools;
        }

        foreach (string directory in System.IO.Directory.EnumerateDirectories(Root))
        {
            string name = Path.GetFileName(directory);
            if (name.StartsWith(Prefix, StringComparison.Ordinal)
                && ulong.TryParse(name.AsSpan(Prefix.Length).TrimEnd("kB"), NumberStyles.None, CultureInfo.InvariantCulture, out ulong kibibytes))
            {
                pools.Add(new HugePagePool(
                    directory,
                    kibibytes << 10,
                    ProcFiles.Number(Path.Combine(directory, "nr_hugepages")) ?? 0,
                    ProcFiles.Number(Path.Combine(directory, "free_hugepages")) ?? 0));
            }
        }

        pools.Sort((left, right) => left.PageBytes.CompareTo(right.PageBytes));
        return pools;
    }
}
