namespace TdpMmu.Verification.Simulation;

/// <summary>A machine as the simulator sees it: where processors are, and what things cost there. All times are in nanoseconds.</summary>
/// <remarks>Immutable. Machines are JSON files; the ones that come with the library are in <see cref="MachineCatalog"/>.</remarks>
public sealed record MachineModel
{
    /// <summary>A short name for the command line and for output.</summary>
    public required string Name { get; init; }

    /// <summary>What machine it stands for.</summary>
    public required string Description { get; init; }

    /// <summary>Sockets, or nodes of memory. vCPUs are spread over them in turn.</summary>
    public required int Sockets { get; init; }

    /// <summary>Processors of a socket, hardware threads counted singly.</summary>
    public required int CpusPerSocket { get; init; }

    /// <summary>Processors that share a last-level cache (a core complex); the socket's number where all do.</summary>
    public required int CpusPerCluster { get; init; }

    /// <summary>Hardware threads of a core.</summary>
    public required int ThreadsPerCore { get; init; }

    /// <summary>What it takes to bring a cache line from another processor.</summary>
    public required TransferCosts Transfer { get; init; }

    /// <summary>What operations cost whose line is there.</summary>
    public required OperationCosts Operation { get; init; }

    /// <summary>What blocking and waking cost.</summary>
    public required WaitingCosts Waiting { get; init; }

    /// <summary>What interrupts between processors cost.</summary>
    public required InterruptCosts Interrupt { get; init; }

    /// <summary>Work of a page fault that the engine's own operations do not stand for.</summary>
    public required FaultCosts Fault { get; init; }

    /// <summary>What the host does to bring a page in.</summary>
    public required HostCosts Host { get; init; }

    /// <summary>Where each number comes from, by its name in the file.</summary>
    public required IReadOnlyDictionary<string, string> Sources { get; init; }

    /// <summary>Processors in all.</summary>
    public int CpuCount => Sockets * CpusPerSocket;

    /// <summary>
    /// The socket of the processor that thread <paramref name="index"/> has to itself. Threads are dealt out socket by socket; more threads
    /// than the machine has processors are put on further sockets of the same kind.
    /// </summary>
    internal int SocketOf(int index) => index < CpuCount ? index % Sockets : index / CpusPerSocket;

    /// <summary>The core of a thread's processor, numbered over all sockets.</summary>
    internal int CoreOf(int index) => ((SocketOf(index) * CpusPerSocket) + NumberInSocket(index)) / ThreadsPerCore;

    /// <summary>The cluster of a thread's processor, numbered over all sockets.</summary>
    internal int ClusterOf(int index) =>
        (SocketOf(index) * ((CpusPerSocket + CpusPerCluster - 1) / CpusPerCluster)) + (NumberInSocket(index) / CpusPerCluster);

    internal static long Picoseconds(double nanoseconds) => (long)Math.Round(nanoseconds * 1000);

    /// <summary>Throws if a number makes no sense.</summary>
    /// <exception cref="FormatException">One does; the message names it.</exception>
    internal void Validate()
    {
        Require(!string.IsNullOrWhiteSpace(Name), "name must not be empty");
        Require(Sockets is >= 1 and <= 4096, "sockets must lie between 1 and 4096");
        Require(CpusPerSocket is >= 1 and <= 4096, "cpus_per_socket must lie between 1 and 4096");
        Require(ThreadsPerCore >= 1 && CpusPerSocket % ThreadsPerCore == 0, "threads_per_core must divide cpus_per_socket");
        Require(CpusPerCluster >= ThreadsPerCore && CpusPerCluster <= CpusPerSocket, "cpus_per_cluster must lie between a core and a socket");
        Require(Host.PopulateUnit is >= 1 and <= 64 && int.IsPow2(Host.PopulateUnit), "populate_unit must be a power of two from 1 to 64");
        Require(Operation.Load > 0 && Operation.Store > 0 && Operation.Locked > 0, "operations take time: their costs must be more than 0");
        Require(Transfer.Variation is >= 0 and < 1, "variation must be at least 0 and less than 1");
        Require(
            Math.Min(Math.Min(Transfer.SameCore, Transfer.SameCluster), Math.Min(Transfer.SameSocket, Transfer.CrossSocket)) > Operation.Locked,
            "a transfer has a locked operation in it: its cost must be more than that of one");
    }

    // Hardware threads of one core are dealt out last, as schedulers do it.
    private int NumberInSocket(int index)
    {
        var turn = index < CpuCount ? index / Sockets : index % CpusPerSocket;
        var cores = CpusPerSocket / ThreadsPerCore;
        return (turn % cores * ThreadsPerCore) + (turn / cores);
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new FormatException($"The machine is not valid: {message}.");
        }
    }
}
