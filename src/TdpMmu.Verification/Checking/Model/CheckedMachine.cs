using TdpMmu.Concurrency;
using TdpMmu.Direct;
using TdpMmu.Interleaving;
using TdpMmu.Machine;
using CheckedFormat = TdpMmu.Formats.Ept<TdpMmu.Verification.SmallGeometry>;

namespace TdpMmu.Verification;

/// <summary>
/// A machine of the shipped engine with tables of two levels, an oracle that sees every change of an entry, and vCPUs whose TLBs forget
/// nothing before they have to. Operations go through it, so that what they promise is checked.
/// </summary>
internal sealed class CheckedMachine
{
    /// <summary>The most vCPUs and the most host threads that a scenario has.</summary>
    internal const int MostThreads = 3;

    private const ulong SlotPages = 8;
    private const ulong MemoryPages = 12;
    private const ulong TableLimit = 65_536;

    private readonly nint _knowledge;
    private readonly EntryOracle<CheckedFormat> _oracle;
    private readonly TlbAdversary _tlbs;
    private readonly MachineRules _rules;
    private readonly PageValues _values = new();
    private readonly Dictionary<MemorySlot, SlotRule> _slotRules = [];
    private readonly DirtyCopies _copies;
    private readonly ulong[] _pages = new ulong[MostThreads];
    private ulong _pagesTaken;
    private readonly int[] _emulatedStores = new int[MostThreads];
    private readonly bool _isLogged;
    private int _deletions;
    private bool _mayStopLog;
    private bool _hasFiller;

    internal CheckedMachine(Execution execution, LockPolicyKind policy, StartState start, int vcpus)
    {
        Execution = execution;
        _knowledge = execution.Allocate(sizeof(ulong));
        execution.Label(_knowledge, sizeof(ulong), "what was promised");
        _oracle = new EntryOracle<CheckedFormat>(execution, _knowledge);
        execution.AddObserver(_oracle);
        var options = new VirtualMachineOptions
        {
            VcpuCount = Math.Max(vcpus, 1),
            RunPermitCount = MostThreads,
            TlbEntries = 16,
            FaultTimingInterval = int.MaxValue,
            HostLaneCount = MostThreads,
            PageTableLimitBytes = TableLimit,
            Mmio = Emulate,
        };
        Machine = policy switch
        {
            LockPolicyKind.Monolithic => VirtualMachine.CreateWith<CheckedFormat, MonolithicLock>(options),
            LockPolicyKind.ReadWrite => VirtualMachine.CreateWith<CheckedFormat, ReadWriteLock>(options),
            _ => VirtualMachine.CreateWith<CheckedFormat, RcuLock>(options),
        };
        _rules = new MachineRules(execution);
        _tlbs = new TlbAdversary(execution, Machine.Core.Participants, _knowledge);
        _oracle.Rules = _rules;
        _oracle.Tlbs = _tlbs;
        MachineLabels.Add(execution, Machine);
        Memory = new CheckedMemory(execution, (int)MemoryPages, PageFilling.FaultingThread);
        _copies = new DirtyCopies(Memory);
        IsReadOnly = start == StartState.ReadOnly;
        _values.GuestsOnlyRead = IsReadOnly;
        Slot = AddSlot(
            0,
            SlotPages,
            firstPage: 0,
            small: start is not (StartState.MappedLarge or StartState.ProtectedLarge or StartState.LargePossible or StartState.Missing),
            IsReadOnly);
        _isLogged = start == StartState.Logged;
        Arrange(start);
        ExcludeWhatIsCheckedAlone();
        execution.AtEnd(CheckEnd);
    }

    internal Execution Execution { get; }

    internal VirtualMachine Machine { get; }

    internal CheckedMemory Memory { get; }

    /// <summary>Frames 0 to 7.</summary>
    internal MemorySlot Slot { get; }

    /// <summary>Whether guests may only read <see cref="Slot"/>.</summary>
    internal bool IsReadOnly { get; }

    /// <summary>What pages may hold.</summary>
    internal PageValues Values => _values;

    /// <summary>What a page holds when the host has just brought it in.</summary>
    internal static ulong FreshValue(ulong page) => 0xf0_0000 + page;

    /// <summary>Whether guests and hosts may find memory gone, poisoned or not logged that was there when the scenario began.</summary>
    internal bool ExpectsLoss { get; private set; }

    /// <summary>Whether the slot may be gone when an operation comes to it.</summary>
    internal bool ExpectsDeletion => _deletions != 0;

    /// <summary>Whether who deletes the slot may find that another operation was faster.</summary>
    internal bool ExpectsSecondDeletion => _deletions > 1;

    /// <summary>Whether who takes the dirty log may find that there is none.</summary>
    internal bool MayFindNoLog => _mayStopLog || !_isLogged;

    /// <summary>The address of a frame.</summary>
    internal static Gpa AddressOf(ulong frame) => new(frame * PageGeometry.PageSize);

    /// <summary>The calling thread takes mappings or permissions away until the scope ends.</summary>
    internal IDisposable AllowTakingAway() => _rules.AllowTakingAway();

    /// <summary>An operation takes memory away for good.</summary>
    internal void DeclareLoss() => ExpectsLoss = true;

    /// <summary>An operation deletes the slot.</summary>
    internal void DeclareDeletion()
    {
        _deletions++;
        DeclareLoss();
    }

    /// <summary>An operation stops the dirty log, perhaps while another one starts it.</summary>
    internal void DeclareStop() => _mayStopLog = true;

    /// <summary>An operation fills pages of the host's memory, whether a slot shows them or not.</summary>
    internal void DeclareFiller() => _hasFiller = true;

    /// <summary>
    /// An operation acts on a page on the host's side. What two of them do to one page is for the host to put in order, so each gets its own.
    /// </summary>
    internal ulong TakePage(int thread) => _pages[thread] = _pagesTaken++;

    /// <summary>What <see cref="TakePage"/> gave to a thread.</summary>
    internal ulong PageOf(int thread) => _pages[thread];

    /// <summary>Has walks yield as often as they may.</summary>
    internal void YieldOften()
    {
        switch (Machine.Mmu)
        {
            case DirectMmu<CheckedFormat, RcuLock> mmu:
                mmu.WalkBudget = 1;
                break;
            case DirectMmu<CheckedFormat, ReadWriteLock> mmu:
                mmu.WalkBudget = 1;
                break;
            case DirectMmu<CheckedFormat, MonolithicLock> mmu:
                mmu.WalkBudget = 1;
                break;
            default:
                throw new NotSupportedException("This MMU's walks do not yield.");
        }
    }

    /// <summary>Runs a program on a vCPU, on the calling thread.</summary>
    internal void Run(int vcpu, Action<Vcpu> program)
    {
        _tlbs.Run(vcpu, Execution.CurrentThread);
        Machine.Vcpus[vcpu].Run(running => program(running));
    }

    /// <summary>Reads a frame on a vCPU and checks that the value is one that the page may have.</summary>
    internal void Load(Vcpu vcpu, ulong frame)
    {
        var value = vcpu.Load<ulong>(AddressOf(frame));
        if (!_values.MayBeRead(frame, value))
        {
            throw new FindingException($"vCPU {vcpu.Index} reads 0x{value:x} from frame {frame}, which nobody wrote.");
        }
    }

    /// <summary>Writes a frame on a vCPU. In a read-only slot the store must go to the handler of emulated memory.</summary>
    internal void Store(Vcpu vcpu, ulong frame, ulong value)
    {
        var emulated = _emulatedStores[vcpu.Index];
        vcpu.Store(AddressOf(frame), value);
        if (IsReadOnly && _emulatedStores[vcpu.Index] != emulated + 1)
        {
            throw new FindingException($"vCPU {vcpu.Index} writes frame {frame} of a read-only slot, and the store is not emulated (I28).");
        }
    }

    /// <summary>Writes a frame on a vCPU and reads it back: what comes back is what was written, unless others write or drop the page.</summary>
    internal void StoreAndLoad(Vcpu vcpu, ulong frame, ulong value)
    {
        Store(vcpu, frame, value);
        if (IsReadOnly)
        {
            // Once more, where the frame is mapped and only the right to write is lacking.
            Load(vcpu, frame);
            Store(vcpu, frame, value);
            Load(vcpu, frame);
            return;
        }

        var found = vcpu.Load<ulong>(AddressOf(frame));
        if (!_values.MayBeReadBack(frame, found))
        {
            throw new FindingException($"vCPU {vcpu.Index} wrote 0x{value:x} to frame {frame} and reads 0x{found:x} back, which nobody wrote since.");
        }
    }

    /// <summary>Reads a frame as the host does.</summary>
    /// <returns>The value, or null where an operation of the scenario has taken the memory away.</returns>
    internal ulong? ReadAsHost(ulong frame) =>
        Machine.TryRead(AddressOf(frame), out ulong value) ? value
        : ExpectsLoss ? null
        : throw new FindingException($"The host cannot read frame {frame}, and nobody has taken its memory away.");

    /// <summary>Takes the mappings of a range away.</summary>
    internal void Zap(GfnRange range)
    {
        using var taking = _rules.AllowTakingAway();
        var now = Moment();
        Machine.Zap(range);
        Note();
        _oracle.RequireGone($"{range} was zapped", range, now);
    }

    /// <summary>Has the host change pages behind a range.</summary>
    /// <param name="range">The frames.</param>
    /// <param name="change">What the host does, page by page.</param>
    internal void Invalidate(GfnRange range, Action<ulong> change)
    {
        using var taking = _rules.AllowTakingAway();
        using var scope = Machine.BeginInvalidation(range);
        Note();
        _rules.BeginInvalidation(range);
        _oracle.RequireGone($"the invalidation of {range} has begun", range, long.MaxValue);
        for (var frame = range.Start.Value; frame < range.End.Value; frame++)
        {
            change(frame);
        }

        Note();
        _rules.EndInvalidation(range);
    }

    /// <summary>The host replaces a page: nobody may use it while it does. Called inside an invalidation.</summary>
    internal void Replace(ulong page, ulong value)
    {
        _copies.Forget(page);
        Memory.Discard(page * PageGeometry.PageSize, PageGeometry.PageSize);
        Memory.Populate(page * PageGeometry.PageSize, PageGeometry.PageSize, write: true);
        Atomics.StoreData(new AtomicBytes(Memory.WordOf(page)), value);
    }

    /// <summary>Drops pages.</summary>
    internal void Discard(ulong frame, ulong count)
    {
        using var taking = _rules.AllowTakingAway();
        Machine.Discard(AddressOf(frame), count * PageGeometry.PageSize);
    }

    internal MemorySlot AddSlot(ulong frame, ulong pages, ulong firstPage, bool small, bool readOnly = false)
    {
        var range = new GfnRange(new Gfn(frame), pages);
        Note();
        var largest = small ? PagingLevel.Page4KiB : PagingLevel.Page1GiB;
        var rule = _rules.Add(range, Memory, firstPage, readOnly, largest);
        var slot = Machine.AddSlot(AddressOf(frame), Memory, new MemorySlotOptions
        {
            Length = pages * PageGeometry.PageSize,
            MemoryOffset = firstPage * PageGeometry.PageSize,
            MaxPageLevel = largest,
            ReadOnly = readOnly,
        });
        lock (_slotRules)
        {
            _slotRules.Add(slot, rule);
        }

        return slot;
    }

    /// <summary>Deletes a slot; its pages are the host's from then on.</summary>
    internal void DeleteSlot(MemorySlot slot)
    {
        using var taking = _rules.AllowTakingAway();
        Machine.DeleteSlot(slot);
        Note();
        _rules.Remove(_slotRules[slot]);
        _oracle.RequireGone($"the slot {slot.Range} was deleted", slot.Range, long.MaxValue);
        for (var frame = slot.Range.Start.Value; frame < slot.Range.End.Value; frame++)
        {
            if (!_hasFiller && Memory.States.Get(slot.PageOf(new Gfn(frame))) is PageState.InFlight or PageState.Cancelled)
            {
                throw new FindingException($"The slot was deleted, and a fault that waited for frame {frame} still fills its page.");
            }

            Memory.Discard(slot.PageOf(new Gfn(frame)) * PageGeometry.PageSize, PageGeometry.PageSize);
        }
    }

    internal void StartDirtyLog()
    {
        using var taking = _rules.AllowTakingAway();
        var now = Moment();
        Machine.StartDirtyLog(Slot);
        Note();
        _slotRules[Slot].LogsDirty = !_mayStopLog;
        _tlbs.RequireNone("the dirty log was started", removal => removal.LostDirty && removal.Created < now);
        _copies.Restart(_values.Pages, ReadPage);
    }

    internal void StopDirtyLog()
    {
        using var taking = _rules.AllowTakingAway();
        Note();
        _copies.Stop();
        _slotRules[Slot].LogsDirty = false;
        Machine.StopDirtyLog(Slot);
    }

    /// <summary>Takes the dirty log and copies the pages that it names, as a migration does.</summary>
    internal void HarvestDirtyLog()
    {
        using var taking = _rules.AllowTakingAway();
        Span<ulong> dirty = stackalloc ulong[1];
        Note();
        var began = _tlbs.Now;
        Machine.GetDirtyLog(Slot, dirty);
        Note();
        var pages = dirty[0];
        _tlbs.RequireNone(
            "the dirty log was taken",
            removal => IsNamed(pages, removal.Frames) && (removal.At <= began || (removal.LostDirty && removal.By == Execution.CurrentThread)));
        _copies.CopyTaken(pages, ReadPage);
    }

    internal void WriteProtect(GfnRange range, bool keepMmuWritable = true)
    {
        using var taking = _rules.AllowTakingAway();
        var now = Moment();
        using var lane = new HostLane(Machine.Core);
        Machine.Mmu.WriteProtect(lane.Index, range, keepMmuWritable);
        Note();
        _tlbs.RequireNone(
            $"{range} was write-protected",
            removal => (removal.Lost & GuestAccess.Write) != GuestAccess.None && removal.Created < now && removal.Frames.Overlaps(range));
    }

    /// <summary>A thread that fills pages on its own account, as a userfaultfd handler or a migration does.</summary>
    internal void Fill(ulong page)
    {
        if (!Memory.States.TryClaim(page))
        {
            return;
        }

        Memory.Populate(page * PageGeometry.PageSize, PageGeometry.PageSize, write: true);
        if (!Memory.States.TryPublish(page))
        {
            Memory.States.Abandon(page);
        }
    }

    // What operations promise and what is checked of it are no memory: these steps stand for them, so that each is explored before and after
    // every change of an entry and every request. Not of windows: whoever waits for one reads it, and then goes on to the check.
    private void Note() => Execution.Note(_knowledge);

    // As a migration reads it: what looks at memory behind the explorer's back is in no order with writes.
    private ulong ReadPage(ulong page) => ReadAsHost(page) ?? FreshValue(page);

    // Where there is memory, only stores to a read-only slot come here.
    private void Emulate(Vcpu vcpu, Gpa address, Span<byte> data, bool isWrite)
    {
        if (address.Frame.Value < SlotPages && !ExpectsDeletion && !(isWrite && IsReadOnly))
        {
            throw new FindingException($"vCPU {vcpu.Index} {(isWrite ? "writes" : "reads")} frame {address.Frame.Value}, which the slot has, and the access is emulated.");
        }

        if (isWrite)
        {
            _emulatedStores[vcpu.Index]++;
        }
        else
        {
            data.Clear();
        }
    }

    private long Moment()
    {
        Note();
        return _oracle.Tick();
    }

    private static bool IsNamed(ulong pages, GfnRange frames)
    {
        for (var frame = frames.Start.Value; frame < Math.Min(frames.End.Value, SlotPages); frame++)
        {
            if ((pages & (1UL << (int)frame)) != 0)
            {
                return true;
            }
        }

        return false;
    }

    private void Arrange(StartState start)
    {
        for (var page = 0UL; page < MemoryPages; page++)
        {
            if (page != 0 || start != StartState.Missing)
            {
                Fill(page);
            }
        }

        switch (start)
        {
            case StartState.TableThere:
                Touch(1, write: true);
                break;
            case StartState.Mapped:
                Touch(0, write: true);
                Touch(1, write: true);
                break;
            case StartState.MappedClean:
                Touch(0, write: false);
                break;
            case StartState.Protected:
            case StartState.ProtectedLarge:
                Touch(0, write: true);
                WriteProtect(new GfnRange(new Gfn(0), 1));
                break;
            case StartState.ProtectedFirmly:
                Touch(0, write: true);
                WriteProtect(new GfnRange(new Gfn(0), 1), keepMmuWritable: false);
                break;
            case StartState.MappedLarge:
                Touch(0, write: true);
                break;
            case StartState.Logged:
                StartDirtyLog();
                Touch(0, write: true);
                Touch(1, write: true);
                _copies.Owe(0b11);
                break;
            default:
                break;
        }
    }

    // On vCPU 0, before its TLB counts. What it writes is what was there.
    private void Touch(ulong frame, bool write) => Machine.Vcpus[0].Run(vcpu =>
    {
        if (write)
        {
            vcpu.Store(AddressOf(frame), FreshValue(frame));
        }
        else
        {
            vcpu.Load<ulong>(AddressOf(frame));
        }
    });

    // Who is admitted and which lane it gets is explored by itself: here it would multiply what is of interest.
    private void ExcludeWhatIsCheckedAlone()
    {
        var participants = Machine.Core.Participants;
        Execution.Exclude(Machine.Admission.Word.Address, sizeof(ulong));
        Execution.Exclude(participants.FreeSignal.Address, 2 * sizeof(ulong));
        for (var participant = 0; participant < participants.Count; participant++)
        {
            Execution.Exclude(participants.Lease(participant).Address, sizeof(ulong));
        }
    }

    private void CheckEnd()
    {
        if (Machine.Core.BrokenBecause is { } reason)
        {
            throw new FindingException($"The machine is broken: {reason}");
        }

        Machine.Mmu.CheckTables();
        var found = Machine.Mmu.ListMappings();
        if (!found.SequenceEqual(_oracle.Mappings))
        {
            throw new FindingException($"The tables map {Describe(found)} and the oracle says {Describe(_oracle.Mappings)}.");
        }

        if (Machine.Core.Flush.OutstandingDebt != 0)
        {
            throw new FindingException($"{Machine.Core.Flush.OutstandingDebt} flushes are owed and nobody will pay them (I18).");
        }

        for (var participant = 0; participant < Machine.Core.Participants.Count; participant++)
        {
            RequireIdle(participant);
        }

        _values.Check(Memory);
        _copies.CheckOwed();
        if (_copies.AreKept && !_mayStopLog && Machine.Slots.Contains(Slot))
        {
            Span<ulong> dirty = stackalloc ulong[1];
            Machine.GetDirtyLog(Slot, dirty);
            _copies.Check(dirty[0]);
        }

        Machine.Dispose();
        Memory.Dispose();
        if (Execution.LiveBytes != NativeBlock.LineBytes)
        {
            // The line that tells late callers that the machine is gone lives until nobody can call any more.
            throw new FindingException($"{Execution.LiveBytes - NativeBlock.LineBytes} bytes of native memory are left behind.");
        }
    }

    private void RequireIdle(int participant)
    {
        var participants = Machine.Core.Participants;
        if (participants.IsInSection(participant)
            || (Atomics.LoadAcquire(participants.Window(participant)) & 1) != 0
            || Atomics.LoadAcquire(participants.Reference(participant)) != 0
            || Atomics.LoadAcquire(participants.Lease(participant)) != 0)
        {
            throw new FindingException($"Participant {participant} is left in a section or window, with a reference, or leased.");
        }
    }

    private static string Describe(IEnumerable<Mapping> mappings) => "[" + string.Join(", ", mappings) + "]";
}
