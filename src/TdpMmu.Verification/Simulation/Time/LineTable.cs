namespace TdpMmu.Verification.Simulation;

/// <summary>The cache lines of a run: who has them, and what bringing them costs.</summary>
/// <remarks>
/// A line is nobody's, one processor's own, or shared. Caches are as large as they need to be: a line leaves one only because
/// another processor wants it. A transfer keeps the line for as long as it takes, and the next one waits; readers of a line that is
/// shared already do not wait for each other.
/// </remarks>
internal sealed unsafe class LineTable
{
    /// <summary>Bytes of a line.</summary>
    internal const int LineBytes = 64;

    // A line that another processor wanted is taken for contended for so long, in picoseconds.
    private const long Contention = 2_000_000;

    private readonly VirtualTimeController _controller;
    private readonly List<nint> _transferred = [];
    private readonly List<ulong[]> _sharerSets = [[]];
    private readonly Dictionary<nint, nint> _outside = [];
    private readonly long _sameCore;
    private readonly long _sameCluster;
    private readonly long _sameSocket;
    private readonly long _crossSocket;
    private readonly long _fromMemory;
    private readonly double _variation;

    internal LineTable(VirtualTimeController controller)
    {
        _controller = controller;
        var transfer = controller.Machine.Transfer;
        _sameCore = WithoutOperation(transfer.SameCore);
        _sameCluster = WithoutOperation(transfer.SameCluster);
        _sameSocket = WithoutOperation(transfer.SameSocket);
        _crossSocket = WithoutOperation(transfer.CrossSocket);

        // What is known of machines is the time from one compare-and-swap to the next on another processor. The operation itself is
        // charged by itself.
        long WithoutOperation(double nanoseconds) => MachineModel.Picoseconds(nanoseconds - controller.Machine.Operation.Locked);
        _variation = transfer.Variation;
        _fromMemory = MachineModel.Picoseconds(controller.Machine.Operation.LineFromMemory);
    }

    /// <summary>Lines that were ever brought from another processor, in the order in which that happened first.</summary>
    internal IReadOnlyList<nint> Transferred => _transferred;

    // SAFETY: inside the arena the state lies at a constant distance, in a mapping of the same size. Shared words outside of it (a slot's
    // record) get a state of the arena's when they are first used.
    internal ref LineState Of(nint address)
    {
        if ((ulong)(address - SimulationArena.Base) < SimulationArena.Capacity)
        {
            return ref *(LineState*)((address & ~(nint)(LineBytes - 1)) + SimulationArena.StateDistance);
        }

        var line = address & ~(nint)(LineBytes - 1);
        if (!_outside.TryGetValue(line, out var state))
        {
            state = SimulationArena.Instance.Allocate(LineBytes, LineBytes);
            _outside[line] = state;
        }

        return ref *(LineState*)state;
    }

    /// <summary>Whether the processor can read the line without anybody else.</summary>
    internal bool HasForReading(nint address, SimulatedThread thread)
    {
        ref var line = ref Of(address);
        return line.Owner == thread.Index + 1 || (line.SharerCount != 0 && IsSharer(ref line, thread.Index));
    }

    /// <summary>Whether the processor can write the line without anybody else.</summary>
    internal bool HasForWriting(nint address, SimulatedThread thread)
    {
        ref var line = ref Of(address);
        if (line.Owner != thread.Index + 1)
        {
            return false;
        }

        if (line.OrderedUntil > thread.Clock)
        {
            _controller.AwaitTurn();
            return line.Owner == thread.Index + 1;
        }

        return true;
    }

    /// <summary>Gives the processor a copy.</summary>
    internal void BringForReading(nint address, SimulatedThread thread)
    {
        ref var line = ref Of(address);
        if (line.Owner == 0 && line.SharerCount == 0)
        {
            TakeFromMemory(ref line, thread);
            return;
        }

        _controller.AwaitTurn();
        var start = Math.Max(thread.Clock, line.BusyUntil);
        long end;
        if (line.Owner != 0)
        {
            var owner = _controller.Threads[line.Owner - 1];
            end = start + thread.Vary(TransferTime(owner, thread), _variation);
            line.BusyUntil = end;
            line.Owner = 0;
            Share(ref line, owner);
        }
        else
        {
            end = start + thread.Vary((line.Sockets & thread.SocketBit) != 0 ? _sameSocket : _crossSocket, _variation);
        }

        Share(ref line, thread);
        Count(ref line, address, thread, end);
    }

    /// <summary>Makes the line the processor's own.</summary>
    /// <param name="address">A word of the line.</param>
    /// <param name="thread">Whose processor wants it.</param>
    /// <param name="hold">How long the operation keeps it after the transfer.</param>
    internal void BringForWriting(nint address, SimulatedThread thread, long hold)
    {
        ref var line = ref Of(address);
        if (line.Owner == 0 && line.SharerCount == 0)
        {
            TakeFromMemory(ref line, thread);
            return;
        }

        if (line.Owner == 0 && line.SharerCount == 1 && IsSharer(ref line, thread.Index))
        {
            Own(ref line, thread);
            return;
        }

        _controller.AwaitTurn();
        var start = Math.Max(thread.Clock, line.BusyUntil);
        var cost = line.Owner != 0 ? TransferTime(_controller.Threads[line.Owner - 1], thread)
            : (line.Sockets & ~thread.SocketBit) != 0 ? _crossSocket : _sameSocket;
        var end = start + thread.Vary(cost, _variation);
        line.BusyUntil = end + hold;
        Own(ref line, thread);
        Count(ref line, address, thread, end);
    }

    /// <summary>A watcher has read the line again that the writer has just written.</summary>
    internal void ShareAgain(nint address, SimulatedThread writer, SimulatedThread watcher)
    {
        ref var line = ref Of(address);
        line.Owner = 0;
        Share(ref line, writer);
        Share(ref line, watcher);
    }

    /// <summary>The cost of a transfer between two processors, in picoseconds.</summary>
    internal long TransferTime(SimulatedThread from, SimulatedThread to) =>
        from.Socket != to.Socket ? _crossSocket
        : from.Core == to.Core ? _sameCore
        : from.Cluster == to.Cluster ? _sameCluster
        : _sameSocket;

    /// <summary>Forgets what was counted so far; who has which line stays.</summary>
    internal void ResetStatistics()
    {
        foreach (var address in _transferred)
        {
            ref var line = ref Of(address);
            line.Transfers = 0;
            line.Waited = 0;
            line.Listed = false;
        }

        _transferred.Clear();
    }

    // Nobody else runs in between: the caller performs its operation and charges it, and gives way then.
    private void TakeFromMemory(ref LineState line, SimulatedThread thread)
    {
        line.Owner = thread.Index + 1;
        thread.Clock += _fromMemory;
    }

    private void Count(ref LineState line, nint address, SimulatedThread thread, long end)
    {
        thread.Transfers++;
        thread.TransferTime += end - thread.Clock;
        line.Transfers++;
        line.Waited += end - thread.Clock;
        thread.Clock = end;
        line.OrderedUntil = end + Contention;
        if (!line.Listed)
        {
            line.Listed = true;
            _transferred.Add(address & ~(nint)(LineBytes - 1));
        }

        _controller.Attribution?.NoteTransfer(address, line.Transfers);
    }

    private void Own(ref LineState line, SimulatedThread thread)
    {
        if (line.SharerSet != 0)
        {
            Array.Clear(_sharerSets[line.SharerSet]);
        }

        line.SharerCount = 0;
        line.Sockets = 0;
        line.Owner = thread.Index + 1;
    }

    private void Share(ref LineState line, SimulatedThread thread)
    {
        if (line.SharerSet == 0)
        {
            line.SharerSet = _sharerSets.Count;
            _sharerSets.Add(new ulong[(_controller.Threads.Count + 63) / 64]);
        }

        var word = thread.Index / 64;
        var set = _sharerSets[line.SharerSet];
        if (word >= set.Length)
        {
            Array.Resize(ref set, word + 1);
            _sharerSets[line.SharerSet] = set;
        }

        if ((set[word] & (1UL << (thread.Index % 64))) == 0)
        {
            set[word] |= 1UL << (thread.Index % 64);
            line.SharerCount++;
            line.Sockets |= thread.SocketBit;
        }
    }

    private bool IsSharer(ref LineState line, int index)
    {
        var set = _sharerSets[line.SharerSet];
        return index / 64 < set.Length && (set[index / 64] & (1UL << (index % 64))) != 0;
    }
}
