using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.Machine;
using TdpMmu.Slots;

namespace TdpMmu;

/// <content>Slots, invalidation and host-side access.</content>
public sealed unsafe partial class VirtualMachine
{
    private const int MostAliases = 8;

    /// <summary>Gives the guest memory. vCPUs may be running.</summary>
    /// <param name="address">The first guest physical address; a multiple of 4 KiB.</param>
    /// <param name="memory">What is behind it; it must outlive the slot.</param>
    /// <param name="options">Null for defaults.</param>
    /// <exception cref="ArgumentException">Address or length are not aligned, overlap another slot, or lie beyond what the format can address.</exception>
    public MemorySlot AddSlot(Gpa address, HostMemory memory, MemorySlotOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(memory);
        using var admitted = Admit();
        options ??= new MemorySlotOptions();
        var range = CheckSlot(address, memory, options, out var firstPage);
        var host = memory.BaseAddress.Plus(options.MemoryOffset);
        var record = new SlotRecord
        {
            FlagsWord = (ulong)(options.ReadOnly ? SlotFlags.ReadOnly : SlotFlags.None),
            BaseFrame = range.Start,
            PageCount = range.Count,
            BaseHost = host,
            FirstPage = firstPage,
            MaxLevel = _mmu.HighestLevelFor(range.Start, host.Frame, options.MaxPageLevel),
        };
        _core.Slots.Gate.Enter();
        try
        {
            var count = 0;
            foreach (var slot in _core.Slots.All)
            {
                count++;
                if (slot.Range.Overlaps(range))
                {
                    throw new ArgumentException($"The slot {range} overlaps the slot {slot.Range}.", nameof(address));
                }
            }

            if (count >= SlotTable.MaxSlots)
            {
                throw new InvalidOperationException($"A machine has at most {SlotTable.MaxSlots} slots.");
            }

            memory.Attach(this);
            try
            {
                _mmu.OnSlotAdding(range);
                return _core.Slots.Add(memory, record);
            }
            catch
            {
                memory.Detach();
                throw;
            }
        }
        finally
        {
            _core.Slots.Gate.Exit();
        }
    }

    /// <summary>
    /// Takes memory from the guest. vCPUs may be running. When it returns, no vCPU reaches the memory any more, and faults that were
    /// waiting for its pages have given up.
    /// </summary>
    /// <param name="slot">A slot of this machine.</param>
    /// <exception cref="ArgumentException">The slot is not one of this machine's, or was deleted before.</exception>
    public void DeleteSlot(MemorySlot slot)
    {
        ArgumentNullException.ThrowIfNull(slot);
        WithSlot(slot, lane =>
        {
            // Publish, rendezvous, walk, flush: from here on faults see the mark and wait; what was installed before is zapped.
            _core.Slots.ChangeFlags(slot, SlotFlags.Deleting, SlotFlags.None);
            _mmu.Zap(lane, slot.Range);
            var states = slot.Memory.States;
            while (_core.Participants.IsReferenced((nint)slot.Record, out var holder))
            {
                // Wakes faults that are parked for a page of the slot, so that they see the mark.
                states.WakeAll(slot.PageOf(slot.Range.Start), slot.Range.Count);
                _core.Rendezvous.WaitForReference(holder, (nint)slot.Record, timeoutNanoseconds: 1_000_000);
            }

            _core.Slots.Remove(slot);
            _mmu.OnSlotRemoved(slot.Range);
        });
    }

    /// <summary>
    /// Begins an invalidation: when it returns, no vCPU has a translation of the range, and faults on it wait. The host then changes
    /// the memory, and disposing the scope ends it.
    /// </summary>
    /// <param name="range">The frames, in slots or not.</param>
    public InvalidationScope BeginInvalidation(GfnRange range)
    {
        using var admitted = Admit();
        try
        {
            return Invalidate(range);
        }
        catch (InvariantViolationException violation)
        {
            _core.Break(violation.Message);
            throw;
        }
    }

    /// <summary>Takes away the mappings of a range. Nothing is lost: the next access faults and maps the memory again.</summary>
    /// <param name="range">The frames. A large mapping that overlaps the range goes as a whole.</param>
    public void Zap(GfnRange range)
    {
        using var admitted = Admit();
        try
        {
            using var lane = new HostLane(_core);
            _mmu.Zap(lane.Index, range);
        }
        catch (InvariantViolationException violation)
        {
            _core.Break(violation.Message);
            throw;
        }
    }

    /// <summary>
    /// Drops the contents of guest memory and gives its pages back to the host; the next access brings them in anew, through whichever
    /// slot of this machine it comes.
    /// </summary>
    /// <param name="address">The first byte; a multiple of 4 KiB.</param>
    /// <param name="length">The number of bytes; a multiple of 4 KiB.</param>
    /// <exception cref="GuestMemoryException">Part of the range is in no slot; nothing was done.</exception>
    public void Discard(Gpa address, ulong length)
    {
        var range = GfnRange.FromBytes(address, length);
        using var admitted = Admit();
        _core.Slots.Gate.Enter();
        try
        {
            var parts = new List<(MemorySlot Slot, GfnRange Part)>();
            foreach (var slot in _core.Slots.All.Where(slot => slot.Range.Overlaps(range)))
            {
                parts.Add((slot, slot.Range.Intersect(range)));
            }

            if (parts.Aggregate(0UL, static (total, part) => total + part.Part.Count) != range.Count)
            {
                throw new GuestMemoryException(address, $"Part of the {length} bytes to discard is in no slot.");
            }

            var invalidations = new List<InvalidationScope>();
            try
            {
                foreach (var alias in FindAliases(range, parts))
                {
                    invalidations.Add(BeginInvalidation(alias));
                }

                DiscardParts(parts);
            }
            finally
            {
                // A page that is dropped has changed, also where the host stopped half-way; whoever logs it is told, wherever it shows.
                invalidations.ForEach(invalidation => MarkDirty(invalidation.Range));
                invalidations.ForEach(static invalidation => invalidation.Dispose());
            }
        }
        finally
        {
            _core.Slots.Gate.Exit();
        }
    }

    /// <summary>Reads guest memory from the host's side, bringing missing pages in.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where the bytes go.</param>
    /// <exception cref="GuestMemoryException">Part of the range is in no slot or its contents are lost.</exception>
    public void Read(Gpa address, Span<byte> destination) => Access(address, destination, write: false, tolerant: false);

    /// <summary>Writes guest memory from the host's side, read-only slots included.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    /// <exception cref="GuestMemoryException">Part of the range is in no slot or its contents are lost.</exception>
    public void Write(Gpa address, ReadOnlySpan<byte> source) =>
        Access(address, MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(source), source.Length), write: true, tolerant: false);

    /// <summary>Reads a value from the host's side.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="address">Where it lies.</param>
    public T Read<T>(Gpa address)
        where T : unmanaged
    {
        T value;
        Read(address, new Span<byte>(&value, sizeof(T)));
        return value;
    }

    /// <summary>Writes a value from the host's side.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="address">Where it goes.</param>
    /// <param name="value">The value.</param>
    public void Write<T>(Gpa address, T value)
        where T : unmanaged => Write(address, new ReadOnlySpan<byte>(&value, sizeof(T)));

    /// <summary>Reads a value from the host's side if there is memory with contents.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="address">Where it lies.</param>
    /// <param name="value">The value.</param>
    /// <returns>False if part of it is in no slot or its contents are lost.</returns>
    public bool TryRead<T>(Gpa address, out T value)
        where T : unmanaged
    {
        Unsafe.SkipInit(out value);
        fixed (T* pointer = &value)
        {
            return Access(address, new Span<byte>(pointer, sizeof(T)), write: false, tolerant: true);
        }
    }

    internal void EndInvalidation(PublishedRange published)
    {
        // A machine that is going away has no faults that wait; its ranges go with it.
        if (_admission.TryEnter())
        {
            _core.Ranges.Withdraw(published);
            _admission.Leave();
        }
    }

    private InvalidationScope Invalidate(GfnRange range)
    {
        var start = Atomics.Now;
        PublishedRange published;

        // No lane is held while all places are taken: who gives one back may need a lane for what it does before.
        while (!_core.Ranges.TryPublish(range, HostFill.WaitNanoseconds, out published))
        {
            ObjectDisposedException.ThrowIf(_admission.IsClosed, this);
        }

        try
        {
            using var lane = new HostLane(_core);
            _core.Rendezvous.WaitForSections();
            _mmu.Zap(lane.Index, range);
            var elapsed = Atomics.Now - start;
            _core.Counters.Of(lane.Index)->InvalidationLatency.Record(elapsed);
            if (MmuEventSource.Log.IsEnabled())
            {
                MmuEventSource.Log.Invalidation(lane.Index, range.Start.Value, range.Count, elapsed);
            }
        }
        catch
        {
            _core.Ranges.Withdraw(published);
            throw;
        }

        return new InvalidationScope(this, range, published);
    }

    // The slot gate is held.
    private void MarkDirty(GfnRange range)
    {
        foreach (var slot in _core.Slots.All)
        {
            if (slot.Dirty is { } dirty && slot.Range.Overlaps(range))
            {
                var part = slot.Range.Intersect(range);
                dirty.Mark(part.Start.Value - slot.Range.Start.Value, part.Count);
            }
        }
    }

    private static void DiscardParts(List<(MemorySlot Slot, GfnRange Part)> parts)
    {
        foreach (var (slot, part) in parts)
        {
            var page = slot.PageOf(part.Start);

            // Memory first: a handler that fills a page in between has it marked missing afterwards, where the other order could
            // leave a page marked present whose contents are gone.
            slot.Memory.Discard(page * PageGeometry.PageSize, part.Count * PageGeometry.PageSize);
            slot.Memory.States.Discard(page, part.Count);
        }
    }

    // The range, and wherever else slots show the memory behind it. The slot gate is held.
    private List<GfnRange> FindAliases(GfnRange range, List<(MemorySlot Slot, GfnRange Part)> parts)
    {
        var ranges = new List<GfnRange> { range };
        foreach (var (slot, part) in parts)
        {
            var first = slot.PageOf(part.Start);
            foreach (var other in _core.Slots.All.Where(other => other.Memory == slot.Memory))
            {
                var start = Math.Max(other.PageOf(other.Range.Start), first);
                var end = Math.Min(other.PageOf(other.Range.Start) + other.Range.Count, first + part.Count);
                if (start < end)
                {
                    var alias = new GfnRange(other.Range.Start.Plus(start - other.PageOf(other.Range.Start)), end - start);
                    if (!range.Contains(alias))
                    {
                        ranges.Add(alias);
                    }
                }
            }
        }

        if (ranges.Count <= MostAliases)
        {
            return ranges;
        }

        // Places for invalidations are few, and waiting for one's own would never end: one range that covers all.
        var lowest = ranges.Min(static alias => alias.Start.Value);
        return [new GfnRange(new Gfn(lowest), ranges.Max(static alias => alias.End.Value) - lowest)];
    }

    private bool Access(Gpa address, Span<byte> data, bool write, bool tolerant)
    {
        using var admitted = Admit();
        while (!data.IsEmpty)
        {
            var chunk = (int)Math.Min((ulong)data.Length, PageGeometry.PageSize - address.PageOffset);
            if (!AccessPage(address, data[..chunk], write, tolerant))
            {
                return false;
            }

            data = data[chunk..];
            if (!data.IsEmpty)
            {
                if (address.Value > ulong.MaxValue - (ulong)chunk)
                {
                    return tolerant ? false : throw new GuestMemoryException(address, "The access runs over the end of the address space.");
                }

                address = address.Plus((ulong)chunk);
            }
        }

        return true;
    }

    private bool AccessPage(Gpa address, Span<byte> data, bool write, bool tolerant)
    {
        while (true)
        {
            // Each try has a lane of its own: none is held while the thread waits for an invalidation, whose owner may need one.
            switch (TryAccessPage(address, data, write, out var wait))
            {
                case FaultOutcome.Fixed:
                    return true;
                case FaultOutcome.NoSlot when !tolerant:
                    throw new GuestMemoryException(address, "There is no memory at this address.");
                case FaultOutcome.Poisoned when !tolerant:
                    throw new GuestMemoryException(address, "The page's contents are lost: its source failed or is gone.");
                case FaultOutcome.NoSlot or FaultOutcome.Poisoned:
                    return false;
                default:
                    ObjectDisposedException.ThrowIf(_admission.IsClosed, this);
                    wait.Await(_core);
                    break;
            }
        }
    }

    // Copies inside an announced section: an invalidation waits for it, so the page cannot go away under the copy.
    private FaultOutcome TryAccessPage(Gpa address, Span<byte> data, bool write, out FaultWait wait)
    {
        var context = default(FaultContext);
        using var lane = new HostLane(_core);
        Readiness readiness;
        _core.Epochs.Enter(lane.Index);
        try
        {
            readiness = _mmu.Resolver.Examine(lane.Index, address.Frame, GuestAccess.Read, ref context);
            if (readiness == Readiness.Ready)
            {
                var host = new AtomicBytes((nint)(context.Record->HostFrameOf(address.Frame).Address.Value + address.PageOffset));
                if (write)
                {
                    // Written, then marked: a harvest in between reports the page next time.
                    Atomics.CopyDataIn(data, host);
                    if ((context.Flags & SlotFlags.LogDirty) != SlotFlags.None)
                    {
                        var slot = _core.Slots.SlotOf(context.Record);
                        slot.Dirty!.Mark(address.Frame.Value - slot.Range.Start.Value, 1);
                    }
                }
                else
                {
                    Atomics.CopyDataOut(host, data);
                }
            }
        }
        finally
        {
            _core.Epochs.Leave(lane.Index);
        }

        wait = new FaultWait(readiness, ref context);
        return readiness switch
        {
            Readiness.Ready => FaultOutcome.Fixed,
            Readiness.Invalidating or Readiness.Deleting => FaultOutcome.Retry,
            _ => _mmu.Resolver.Resolve(lane.Index, address.Frame, GuestAccess.Read, readiness, ref context) ?? FaultOutcome.Retry,
        };
    }

    private GfnRange CheckSlot(Gpa address, HostMemory memory, MemorySlotOptions options, out ulong firstPage)
    {
        if (options.MemoryOffset % PageGeometry.PageSize != 0 || options.MemoryOffset >= memory.Length)
        {
            throw new ArgumentException(
                $"The offset {options.MemoryOffset} into the host memory is not a multiple of {PageGeometry.PageSize} below its length {memory.Length}.",
                nameof(options));
        }

        var length = options.Length ?? memory.Length - options.MemoryOffset;
        if (length == 0 || length > memory.Length - options.MemoryOffset)
        {
            throw new ArgumentException(
                $"The length {length} does not fit the host memory, which has {memory.Length - options.MemoryOffset} bytes from the offset on.", nameof(options));
        }

        if (options.MaxPageLevel < PagingLevel.Page4KiB || options.MaxPageLevel > PagingLevel.Page1GiB)
        {
            throw new ArgumentException($"The largest mapping is 4KiB, 2MiB or 1GiB, not {options.MaxPageLevel}.", nameof(options));
        }

        var range = GfnRange.FromBytes(address, length);
        if (range.End > _mmu.FrameLimit)
        {
            throw new ArgumentException(
                $"The slot {range} ends behind the last frame that {_mmu.FormatName} can address, {_mmu.FrameLimit}.", nameof(address));
        }

        firstPage = options.MemoryOffset / PageGeometry.PageSize;
        return range;
    }

    // SAFETY: host addresses come from slots whose pages were found present inside the section that the copy runs in; records are
    // followed under the slot gate or a section.
}
