using TdpMmu.Cli.Parsing;
using TdpMmu.Linux;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>Refuses what this machine cannot run before anything starts: beyond some limits the runtime aborts the process.</summary>
internal static class ResourceCheck
{
    /// <summary>Descriptors of a handler: its userfaultfd and the event that stops it.</summary>
    private const int DescriptorsPerHandler = 2;

    /// <summary>Mappings of guest memory, its guards and second view, and native blocks that are large enough for a mapping.</summary>
    private const int FixedMappings = 32;

    /// <summary>A handler's region splits the mapping of guest memory, and its native blocks may be mappings of their own.</summary>
    private const int MappingsPerHandler = 4;

    /// <summary>A vCPU's TLB, table cache and counters.</summary>
    private const ulong BytesPerVcpu = 1UL << 20;

    /// <summary>A thread's stack as far as it is touched, and what the kernel keeps for it.</summary>
    private const ulong BytesPerThread = 128UL << 10;

    /// <summary>Tables and reverse maps take about 0.4 % of guest memory, page states up to a byte per page.</summary>
    private const ulong GuestBytesPerTableByte = 200;

    /// <exception cref="CommandException">Something is lacking; the message says what, and what to do about it.</exception>
    public static void Demand(DemandPagingOptions options)
    {
        int threads = options.Vcpus + options.HandlerCount + 1;
        string? refusal = ResourceLimits.Refuse(new ResourceDemand
        {
            Threads = threads,
            Mappings = FixedMappings + (options.HandlerCount * MappingsPerHandler),
            Descriptors = options.HandlerCount * DescriptorsPerHandler,
            MemoryBytes = options.GuestBytes + (options.GuestBytes / GuestBytesPerTableByte) + ((ulong)options.Vcpus * BytesPerVcpu) + ((ulong)threads * BytesPerThread),
        });
        if (refusal is not null)
        {
            throw CommandException.MissingResource("this run " + refusal);
        }
    }
}
