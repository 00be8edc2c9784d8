using TdpMmu.Linux;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>Which CPU each worker and its handler live on: both on the same one, because waking a thread across CPUs costs ten times more.</summary>
internal sealed class CpuPlacement
{
    private readonly IReadOnlyList<int> _cpus = CpuAffinity.UsableCpus;

    /// <summary>CPUs that this process may use.</summary>
    public int CpuCount => _cpus.Count;

    public int CpuOf(int worker) => _cpus[worker % _cpus.Count];

    public void PinCurrentThread(int worker) => CpuAffinity.PinCurrentThread(CpuOf(worker));
}
