using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Slots;

/// <summary>The slots of a machine: an immutable sorted snapshot in native memory that writers replace.</summary>
/// <remarks>
/// Readers look inside an announced section; a writer replaces the snapshot, raises the generation and waits for the sections
/// that were open, and then frees the old one. A participant remembers the slot that it found last together with the generation:
/// while that is unchanged, the remembered record is alive and current. Writers exclude each other by a gate.
/// </remarks>
internal sealed unsafe class SlotTable : IDisposable
{
    internal const int MaxSlots = 32_764;

    private readonly Rendezvous _rendezvous;
    private readonly NativeBlock _lines = new(2 * NativeBlock.LineBytes);
    private readonly NativeBlock _lastHits;
    private readonly LastHit* _hits;
    private readonly AtomicWord _generation;
    private readonly AtomicWord _snapshot;
    private MemorySlot?[] _slots = new MemorySlot?[16];

    internal SlotTable(int participants, Rendezvous rendezvous)
    {
        _rendezvous = rendezvous;
        _lastHits = new NativeBlock((nuint)participants * NativeBlock.LineBytes);
        _hits = (LastHit*)_lastHits.Pointer;
        _generation = _lines.Word(0);
        _snapshot = _lines.Word(8);
        Atomics.StoreRelease(_generation, 1);
        Gate = new ParkingLock(_lines.Int(NativeBlock.LineBytes));
    }

    /// <summary>Excludes writers from each other.</summary>
    internal ParkingLock Gate { get; }

    /// <summary>Counts changes of the set of slots and of their policies.</summary>
    internal ulong Generation => Atomics.LoadAcquire(_generation);

    /// <summary>The slots, for host operations; the gate is held.</summary>
    internal IEnumerable<MemorySlot> All => _slots.OfType<MemorySlot>();

    /// <summary>
    /// The managed slot of a record that a section or a reference protects. The array is replaced by a copy when it grows, and
    /// every array that a reader may hold has the slots that were there when the reader found its record.
    /// </summary>
    internal MemorySlot SlotOf(SlotRecord* record) => _slots[record->Index]!;

    /// <summary>Finds the slot of a frame. Called inside an announced section, which keeps the record alive.</summary>
    /// <param name="participant">The caller's participant.</param>
    /// <param name="frame">The frame.</param>
    /// <returns>The record, or null.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal SlotRecord* Find(int participant, Gfn frame)
    {
        var hit = (LastHit*)((byte*)_hits + ((nint)participant * NativeBlock.LineBytes));
        var generation = Atomics.LoadAcquire(_generation);
        return hit->Generation == generation && frame.Value - hit->BaseFrame < hit->PageCount
            ? hit->Record
            : Search(hit, generation, frame);
    }

    /// <summary>Waits, outside windows and sections, until the set of slots or a policy has changed.</summary>
    internal void AwaitChange(ulong generation, long timeoutNanoseconds) => Atomics.AwaitChange(_generation, generation, timeoutNanoseconds);

    /// <summary>Adds a slot. The gate is held.</summary>
    /// <param name="memory">What it shows.</param>
    /// <param name="template">Its record.</param>
    internal MemorySlot Add(HostMemory memory, SlotRecord template)
    {
        var index = Array.IndexOf(_slots, null);
        if (index < 0)
        {
            index = _slots.Length;
            Array.Resize(ref _slots, Math.Min(_slots.Length * 2, MaxSlots));
        }

        var record = (SlotRecord*)NativeBlock.Allocate((nuint)sizeof(SlotRecord), NativeBlock.LineBytes);
        *record = template;
        record->Index = index;
        var slot = new MemorySlot(memory, record, (template.FlagsWord & (ulong)SlotFlags.ReadOnly) != 0);
        _slots[index] = slot;
        Publish();
        return slot;
    }

    /// <summary>Changes a slot's policy and returns when every section that could have read the old one has ended. The gate is held.</summary>
    internal void ChangeFlags(MemorySlot slot, SlotFlags set, SlotFlags clear)
    {
        var flags = SlotRecord.Flags(slot.Record);
        Atomics.Or(flags, (ulong)set);
        Atomics.And(flags, ~(ulong)clear);
        Atomics.Add(_generation, 1);
        _rendezvous.WaitForSections();
    }

    /// <summary>Takes a slot out whose faults and mappings are gone. The gate is held.</summary>
    internal void Remove(MemorySlot slot)
    {
        var record = slot.Record;
        Publish(without: slot);

        // The place is emptied after the wait: a section that found the record before may ask for its slot until it ends.
        _slots[record->Index] = null;
        slot.Dirty?.Dispose();
        slot.Memory.Detach();

        // SAFETY: Publish waited for every section that could have found the record, and deletion for every reference.
        NativeBlock.Free(record, (nuint)sizeof(SlotRecord));
    }

    public void Dispose()
    {
        foreach (var slot in All)
        {
            slot.Memory.Detach();
            slot.Dirty?.Dispose();
            NativeBlock.Free(slot.Record, (nuint)sizeof(SlotRecord));
        }

        Free((Snapshot*)Atomics.LoadRelaxed(_snapshot));
        _lines.Dispose();
        _lastHits.Dispose();
    }

    private SlotRecord* Search(LastHit* hit, ulong generation, Gfn frame)
    {
        var snapshot = (Snapshot*)Atomics.LoadAcquire(_snapshot);
        var low = 0L;
        var high = snapshot is null ? 0L : (long)Atomics.LoadRelaxed(new AtomicWord(&snapshot->Count));
        var entries = (SnapshotEntry*)(snapshot + 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (entries[middle].BaseFrame > frame.Value)
            {
                high = middle;
            }
            else if (frame.Value - entries[middle].BaseFrame >= entries[middle].PageCount)
            {
                low = middle + 1;
            }
            else
            {
                hit->Generation = generation;
                hit->BaseFrame = entries[middle].BaseFrame;
                hit->PageCount = entries[middle].PageCount;
                hit->Record = entries[middle].Record;
                return hit->Record;
            }
        }

        return null;
    }

    private void Publish(MemorySlot? without = null)
    {
        var records = All.Where(slot => slot != without).Select(slot => (nint)slot.Record).ToArray();
        Array.Sort(records, static (left, right) => ((SlotRecord*)left)->BaseFrame.CompareTo(((SlotRecord*)right)->BaseFrame));
        var next = (Snapshot*)NativeBlock.Allocate(BytesOf(records.Length), NativeBlock.LineBytes);
        next->Count = (ulong)records.Length;
        var entries = (SnapshotEntry*)(next + 1);
        for (var index = 0; index < records.Length; index++)
        {
            var record = (SlotRecord*)records[index];
            entries[index] = new SnapshotEntry { BaseFrame = record->BaseFrame.Value, PageCount = record->PageCount, Record = record };
        }

        // The exchange is a full fence: the snapshot's contents are visible before its address, and the generation after both.
        var old = Atomics.Exchange(_snapshot, (ulong)next);
        Atomics.Add(_generation, 1);
        _rendezvous.WaitForSections();

        // SAFETY: no section that began before the exchange is left, and later ones find the new snapshot.
        Free((Snapshot*)old);
    }

    private static nuint BytesOf(int records) => (nuint)(sizeof(Snapshot) + (records * sizeof(SnapshotEntry)));

    private static void Free(Snapshot* snapshot)
    {
        if (snapshot is not null)
        {
            NativeBlock.Free(snapshot, BytesOf((int)snapshot->Count));
        }
    }

    private struct LastHit
    {
        internal ulong Generation;
        internal ulong BaseFrame;
        internal ulong PageCount;
        internal SlotRecord* Record;
    }

    private struct Snapshot
    {
        internal ulong Count;
    }

    private struct SnapshotEntry
    {
        internal ulong BaseFrame;
        internal ulong PageCount;
        internal SlotRecord* Record;
    }
}
