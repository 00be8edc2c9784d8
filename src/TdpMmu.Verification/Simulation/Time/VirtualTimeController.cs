using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>
/// Runs threads on simulated processors, each with a clock of its own: every shared-memory operation, wait, fence and clock reading of the
/// code under simulation is charged to its processor, and the processor that is furthest behind runs.
/// </summary>
/// <remarks>
/// <para>An operation whose line the processor has already goes ahead, for at most <see cref="Window"/> of virtual time beyond the others.
/// One that has to bring the line from another processor waits until every other processor has reached its time, so that contended
/// lines are served in the order of virtual time.</para>
/// <para>Physically one thread runs at a time and passes a baton on, so nothing here is locked, and runs of one machine, workload
/// and seed are identical. While <see cref="IsCharging"/> is off, operations are free and nobody else runs: for setting up and looking.</para>
/// </remarks>
internal sealed unsafe partial class VirtualTimeController : AtomicsController
{
    /// <summary>How far a processor may run ahead on lines that it has, in picoseconds of virtual time.</summary>
    internal const long Window = 1_000_000;

    private readonly SimulationArena _arena = SimulationArena.Instance;
    private readonly LineTable _lines;
    private readonly ReadyQueue _ready = new();
    private readonly List<SimulatedThread> _threads = [];
    private readonly long _load;
    private readonly long _store;
    private readonly long _locked;
    private readonly long _fence;
    private readonly long _clockReading;
    private readonly long _pause;
    private readonly long _guestAccess;
    private SimulatedThread _current = null!;
    private long _limit = long.MaxValue;

    internal VirtualTimeController(MachineModel machine, LineAttribution? attribution = null, ulong seed = 1)
    {
        Machine = machine;
        Seed = seed;
        Attribution = attribution;
        _lines = new LineTable(this);
        var operation = machine.Operation;
        _load = MachineModel.Picoseconds(operation.Load);
        _store = MachineModel.Picoseconds(operation.Store);
        _locked = MachineModel.Picoseconds(operation.Locked);
        _fence = MachineModel.Picoseconds(operation.Fence);
        _clockReading = MachineModel.Picoseconds(operation.Clock);
        _pause = MachineModel.Picoseconds(operation.Pause);
        _guestAccess = MachineModel.Picoseconds(operation.GuestAccess);
    }

    /// <summary>The controller of the simulation that runs in this process, for code that charges work of its own.</summary>
    internal static VirtualTimeController? Running { get; private set; }

    internal MachineModel Machine { get; }

    /// <summary>Decides what chance decides.</summary>
    internal ulong Seed { get; }

    /// <summary>Who used which line, if that is asked for.</summary>
    internal LineAttribution? Attribution { get; }

    /// <summary>Whether operations take virtual time.</summary>
    internal bool IsCharging { get; set; }

    /// <summary>The word of the legacy MMU's lock, or 0.</summary>
    internal nint LegacyLock { get; set; }

    /// <summary>What a section that maps a page takes besides the engine's own operations, in picoseconds.</summary>
    internal long SectionTime { get; set; }

    /// <summary>The thread that runs.</summary>
    internal SimulatedThread Current => _current;

    internal IReadOnlyList<SimulatedThread> Threads => _threads;

    /// <summary>The lines of the run.</summary>
    internal LineTable Lines => _lines;

    public override ulong Load(nint address, int size, MemoryOrder order)
    {
        if (SimulatedMemory.IsGuest(address))
        {
            Advance(_guestAccess);
            return 0;
        }

        if (IsCharging)
        {
            if (!_lines.HasForReading(address, _current))
            {
                _lines.BringForReading(address, _current);
            }

            Advance(_load);
        }

        return RawMemory.Load(address, size);
    }

    public override void Store(nint address, int size, ulong value, MemoryOrder order)
    {
        if (SimulatedMemory.IsGuest(address))
        {
            Advance(_guestAccess);
            return;
        }

        if (!IsCharging)
        {
            RawMemory.Store(address, size, value);
            return;
        }

        var isHere = _lines.HasForWriting(address, _current);
        if (!isHere)
        {
            _lines.BringForWriting(address, _current, 0);
        }

        RawMemory.Store(address, size, value);
        if (!isHere)
        {
            NotifyWatchers(address);
        }

        Advance(_store);
    }

    public override ulong Exchange(nint address, int size, ulong value)
    {
        var isHere = BeginUpdate(address);
        var old = RawMemory.Exchange(address, size, value);
        EndUpdate(address, isHere);
        ChargeLegacySection(address, old == 0 && value != 0);
        return old;
    }

    public override ulong CompareExchange(nint address, int size, ulong value, ulong comparand)
    {
        if (SimulatedMemory.IsGuest(address))
        {
            Advance(_guestAccess + _locked);
            return comparand;
        }

        var isHere = BeginUpdate(address);
        var old = RawMemory.CompareExchange(address, size, value, comparand);
        EndUpdate(address, isHere);
        ChargeLegacySection(address, old == 0 && comparand == 0);
        return old;
    }

    public override ulong Add(nint address, int size, ulong value)
    {
        var isHere = BeginUpdate(address);
        var sum = RawMemory.Add(address, size, value);
        EndUpdate(address, isHere);
        return sum;
    }

    public override ulong And(nint address, int size, ulong value)
    {
        var isHere = BeginUpdate(address);
        var old = RawMemory.And(address, size, value);
        EndUpdate(address, isHere);
        return old;
    }

    public override ulong Or(nint address, int size, ulong value)
    {
        var isHere = BeginUpdate(address);
        var old = RawMemory.Or(address, size, value);
        EndUpdate(address, isHere);
        return old;
    }

    public override void CopyBytes(nint source, nint destination, int length, bool sourceIsShared)
    {
        // Guest data have no contents; what shared structures copy is charged as one access of each line's worth.
        if (SimulatedMemory.IsGuest(source) || SimulatedMemory.IsGuest(destination))
        {
            Advance(_guestAccess * ((length + LineTable.LineBytes - 1) / LineTable.LineBytes));
            return;
        }

        Advance(_load * ((length + LineTable.LineBytes - 1) / LineTable.LineBytes));
        RawMemory.Copy(source, destination, length);
    }

    public override void FullFence() => Advance(_fence);

    public override long Now()
    {
        Advance(_clockReading);
        return _current.Clock / 1000;
    }

    public override nint Allocate(nuint bytes, nuint alignment)
    {
        var address = _arena.Allocate(bytes, alignment);
        Attribution?.NoteAllocation(address, bytes);
        Advance((long)(bytes * (Machine.Operation.ZeroPerKib * 1000 / 1024)));
        return address;
    }

    /// <summary>Nothing: the arena is emptied as a whole before the next run.</summary>
    public override void Free(nint address, nuint bytes)
    {
    }

    /// <summary>Charges work of the running thread, in picoseconds.</summary>
    internal void Advance(long time)
    {
        if (IsCharging)
        {
            _current.Clock += time;
            if (_current.Clock > _limit)
            {
                GiveWay();
            }
        }
    }

    // Where the lock was free and is held now, the legacy MMU's section begins. The direct MMU's lock is a type parameter, which charges
    // the section itself.
    private void ChargeLegacySection(nint address, bool isTaken)
    {
        if (isTaken && address == LegacyLock)
        {
            Advance(SectionTime);
        }
    }

    private bool BeginUpdate(nint address)
    {
        if (!IsCharging)
        {
            return true;
        }

        if (_lines.HasForWriting(address, _current))
        {
            return true;
        }

        _lines.BringForWriting(address, _current, _locked);
        return false;
    }

    private void EndUpdate(nint address, bool wasHere)
    {
        if (IsCharging)
        {
            if (!wasHere)
            {
                NotifyWatchers(address);
            }

            Advance(_locked);
        }
    }

    // SAFETY: the callers are Atomics, under whose contract every address is mapped; guest addresses are never dereferenced.
}
