namespace TdpMmu.Linux;

/// <summary>What a run is going to need at the same time, beyond what the process uses already.</summary>
public sealed record ResourceDemand
{
    /// <summary>Threads, vCPUs and fault handlers together.</summary>
    public int Threads { get; init; }

    /// <summary>Mappings of memory, without those of the threads' stacks, which are added.</summary>
    public int Mappings { get; init; }

    /// <summary>File descriptors.</summary>
    public int Descriptors { get; init; }

    /// <summary>Bytes of memory that are going to be touched: guest memory, page tables and metadata.</summary>
    public ulong MemoryBytes { get; init; }
}
