namespace TdpMmu.Verification.Simulation;

/// <summary>
/// What the host does to bring a page in, in nanoseconds. The lock that readers and writers of the process's memory map share is modelled as
/// a line: each pair of taking and giving it back is two locked operations on it.
/// </summary>
public sealed record HostCosts
{
    /// <summary>A guest's exit and entry around a fault that the host looks at; 0 where the engine is not behind one.</summary>
    public required double Exit { get; init; }

    /// <summary>A page of anonymous memory: the call, allocation and zeroing.</summary>
    public required double Populate { get; init; }

    /// <summary>Each further page of the same call.</summary>
    public required double PopulateNext { get; init; }

    /// <summary>Pages that the engine asks for in one such call, a power of two from 1 to 64.</summary>
    public required int PopulateUnit { get; init; }

    /// <summary>Pairs on the memory map's lock for such a call.</summary>
    public required int PopulateLockPairs { get; init; }

    /// <summary>2 MiB of anonymous memory as one host page.</summary>
    public required double Populate2M { get; init; }

    /// <summary>A page through userfaultfd with a handler of the vCPU's own, on its processor: both threads' work and the switches.</summary>
    public required double Userfault { get; init; }

    /// <summary>Pairs on the memory map's lock for it.</summary>
    public required int UserfaultLockPairs { get; init; }

    /// <summary>A page through the faulting thread itself: from its source, or from the page cache.</summary>
    public required double Fetch { get; init; }

    /// <summary>Pairs on the memory map's lock for it.</summary>
    public required int FetchLockPairs { get; init; }

    /// <summary>The part of a page through one userfaultfd for all vCPUs that only one of them can be in.</summary>
    public required double SharedHandler { get; init; }

    /// <summary>What each vCPU that waits adds to it.</summary>
    public required double SharedHandlerPerWaiter { get; init; }

    /// <summary>Lines besides the memory map's lock that every page writes once: counters of memory groups, of the system, of lists.</summary>
    public required int SharedLines { get; init; }

    /// <summary>
    /// References that every page takes by reading a count and raising it by compare-and-swap unless it is zero, again and again until that
    /// succeeds: of the userfaultfd's file, of the memory map.
    /// </summary>
    public required int RaisedCounts { get; init; }

    /// <summary>What a page takes of the memory's bandwidth, which all share; 0 where it does not bind.</summary>
    public required double BandwidthPerPage { get; init; }
}
