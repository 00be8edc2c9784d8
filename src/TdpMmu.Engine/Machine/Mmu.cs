using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.Translation;

namespace TdpMmu.Machine;

/// <summary>
/// A memory-management unit behind the machine: one virtual call per TLB miss.
/// </summary>
/// <remarks>Thread-safe, each participant's index being used by one thread at a time.</remarks>
internal abstract unsafe class Mmu : IDisposable
{
    private const int MostAttempts = 100;
    private const long AttemptNanoseconds = 1_000_000;
    private const long StayOutNanoseconds = 50_000;

    protected Mmu(MachineCore core)
    {
        Core = core;
        Resolver = new FaultResolver(core);
    }

    /// <summary>The format's name.</summary>
    internal abstract string FormatName { get; }

    /// <summary>The lock policy's name, or null where the lock is not a policy.</summary>
    internal abstract string? LockName { get; }

    /// <summary>The first frame that the tables cannot address.</summary>
    internal abstract Gfn FrameLimit { get; }

    /// <summary>Bytes that the MMU keeps besides the tables: per table and per mapping.</summary>
    internal abstract long MetadataBytes { get; }

    /// <summary>What faults do before and after they touch a table.</summary>
    internal FaultResolver Resolver { get; }

    protected MachineCore Core { get; }

    /// <summary>Walks the tables as a processor does. Called inside an access window.</summary>
    internal abstract WalkStatus Walk(Gfn frame, GuestAccess access, out Pfn host, out GuestAccess permitted);

    /// <summary>Makes an access possible, or says why not. Called outside windows and sections; may block.</summary>
    /// <param name="participant">The caller's participant.</param>
    /// <param name="frame">The frame that faulted.</param>
    /// <param name="access">What was attempted.</param>
    /// <param name="present">Whether the walk found the frame mapped, but not for this access.</param>
    internal abstract FaultOutcome HandleFault(int participant, Gfn frame, GuestAccess access, bool present);

    /// <summary>
    /// Takes away every mapping of the range. When it returns, no vCPU has a translation left that existed at the call; large
    /// mappings that overlap the range go as a whole.
    /// </summary>
    internal abstract void Zap(int participant, GfnRange range);

    /// <summary>
    /// Takes away the right to write from every mapping of the range, and returns when no vCPU can write through an old
    /// translation. Large mappings that overlap the range lose it as a whole.
    /// </summary>
    /// <param name="participant">The caller's participant.</param>
    /// <param name="range">The frames.</param>
    /// <param name="keepMmuWritable">Whether a fast fault may grant it again.</param>
    internal abstract void WriteProtect(int participant, GfnRange range, bool keepMmuWritable);

    /// <summary>
    /// Clears the dirty bits of the range's small mappings and takes its large ones away, in a slot whose policy asks for small
    /// mappings. When it returns, the next write to any page of the range sets a dirty bit.
    /// </summary>
    /// <param name="participant">The caller's participant.</param>
    /// <param name="range">Frames of one slot.</param>
    /// <param name="dirty">Where pages go whose bit was set; bit 0 is the range's first frame.</param>
    internal abstract void CollectDirty(int participant, GfnRange range, Span<ulong> dirty);

    /// <summary>The highest level at which a slot can be mapped, given how its guest and host addresses are aligned.</summary>
    internal abstract PagingLevel HighestLevelFor(Gfn frame, Pfn host, PagingLevel limit);

    /// <summary>All leaves in ascending order. The machine is idle.</summary>
    internal abstract List<Mapping> ListMappings();

    /// <summary>Checks the tables against the invariants of their format and the leaf counters. The machine is idle.</summary>
    internal abstract void CheckTables();

    /// <summary>
    /// Keeps the record that pages were written when the entry that has it goes away. Called inside the section of the change, which a
    /// harvest waits for.
    /// </summary>
    protected void FoldDirty(int participant, GfnRange frames)
    {
        var record = Core.Slots.Find(participant, frames.Start);
        if (record is not null && (Slots.SlotRecord.LoadFlags(record) & Slots.SlotFlags.LogDirty) != Slots.SlotFlags.None)
        {
            var part = record->Range.Intersect(frames);
            Core.Slots.SlotOf(record).Dirty!.Mark(part.Start.Value - record->BaseFrame.Value, part.Count);
        }
    }

    /// <summary>Tells the MMU about a new slot, before guests can see it.</summary>
    internal virtual void OnSlotAdding(GfnRange range)
    {
    }

    /// <summary>Tells the MMU that a slot is gone.</summary>
    internal virtual void OnSlotRemoved(GfnRange range)
    {
    }

    public abstract void Dispose();

    /// <summary>
    /// Leaves the lock alone for a moment between two parts of a long operation: whoever was woken needs that long to come and take it, and
    /// would otherwise find it taken again.
    /// </summary>
    internal void StayOut() => Atomics.Park(Core.Conditions, Atomics.LoadRelaxed(Core.Conditions), StayOutNanoseconds);

    /// <summary>Fills the participant's table cache; at the limit, waits for tables that are on their way back.</summary>
    /// <exception cref="PageTableLimitException">That did not help.</exception>
    protected void TopUp(int participant, int tables)
    {
        if (Core.Pool.TryTopUp(participant, tables))
        {
            return;
        }

        for (var attempt = 0; attempt < MostAttempts; attempt++)
        {
            Core.Epochs.Synchronize(participant);
            if (Core.Pool.TryTopUp(participant, tables))
            {
                return;
            }

            if (Core.Epochs.PendingCount == 0)
            {
                break;
            }

            // Others have tables that wait for their grace period; they give them back when they end.
            Atomics.Park(Core.Conditions, Atomics.LoadRelaxed(Core.Conditions), AttemptNanoseconds);
        }

        throw new PageTableLimitException(
            $"Page tables are at their limit of {Core.Pool.LimitBytes} bytes ({Core.Pool.TablesInUse} tables in use); "
            + $"raise {nameof(VirtualMachineOptions)}.{nameof(VirtualMachineOptions.PageTableLimitBytes)}, or zap memory that the guest no longer uses.");
    }

    /// <summary>The counters of a participant.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected ParticipantCounters* CountersOf(int participant) => Core.Counters.Of(participant);

    // SAFETY: counters live as long as the machine; the slot record is followed inside the caller's section.
}
