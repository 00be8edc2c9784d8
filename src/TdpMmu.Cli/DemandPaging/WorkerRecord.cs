using System.Runtime.InteropServices;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>What one worker, a vCPU or a thread without MMU, leaves behind. Written by that worker only.</summary>
internal sealed class WorkerRecord
{
    private Progress _progress;

    /// <summary>When the worker touched its first page and had touched its last one, in nanoseconds of the monotonic clock.</summary>
    public long StartNanoseconds { get; set; }

    public long EndNanoseconds { get; set; }

    /// <summary>Managed bytes allocated from the second page on.</summary>
    public long AllocatedBytes { get; set; }

    /// <summary>First page whose content was wrong when the guest saw it, or null.</summary>
    public ulong? FirstMismatch { get; set; }

    /// <summary>Pages touched so far. Others may read it at any time.</summary>
    public ulong PagesTouched
    {
        get => Volatile.Read(ref _progress.Pages);
        set => Volatile.Write(ref _progress.Pages, value);
    }

    /// <summary>The one field that is written while others measure, kept away from the neighbours' lines.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Progress
    {
        [FieldOffset(128)]
        public ulong Pages;
    }
}
