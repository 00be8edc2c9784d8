namespace TdpMmu.Diagnostics;

/// <summary>
/// What one participant counts, in native memory on lines of its own. Its thread is the only writer, with plain stores; who reads
/// sees values that may be a moment old. None of them takes part in a protocol.
/// </summary>
internal unsafe struct ParticipantCounters
{
    internal const int Levels = 6;

    internal ulong Faults;
    internal ulong Retries;
    internal ulong FastFaults;
    internal ulong SpuriousFaults;
    internal ulong MmioExits;
    internal ulong TlbFlushesServed;
    internal ulong HostWaitNanoseconds;
    internal ulong InvalidationWaitNanoseconds;
    internal ulong TimedFaults;
    internal ulong TimedFaultNanoseconds;
    internal ulong RunNanoseconds;
    internal ulong AllocatedBytes;
    internal long OpenWalks;

    /// <summary>Leaves installed minus leaves taken away, by level: their sum over all participants counts the leaves.</summary>
    internal fixed long Leaves[Levels];

    internal LatencyBuckets FaultLatency;
    internal LatencyBuckets FlushLatency;
    internal LatencyBuckets InvalidationLatency;

    // SAFETY: the fixed buffer is indexed by levels, which stay below Levels; the structure lies in native memory that CounterTable owns.
}
