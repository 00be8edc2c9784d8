using TdpMmu.DirtyTracking;
using TdpMmu.Machine;
using TdpMmu.Slots;

namespace TdpMmu;

/// <content>Dirty logging.</content>
public sealed unsafe partial class VirtualMachine
{
    /// <summary>
    /// Starts recording which pages of a slot are written, by guests or by the host through this machine. Large mappings of the slot are
    /// given up for mappings of 4 KiB. All pages count as clean when it returns. vCPUs may be running.
    /// </summary>
    /// <param name="slot">A slot of this machine.</param>
    public void StartDirtyLog(MemorySlot slot) => WithSlot(slot, lane =>
    {
        // The bitmap first: whoever sees the flag finds it.
        slot.Dirty ??= new DirtyBitmap(slot.Range.Count);
        _core.Slots.ChangeFlags(slot, SlotFlags.LogDirty | SlotFlags.SmallPagesOnly, SlotFlags.None);
        var ignored = new ulong[slot.DirtyLogWords];
        Harvest(lane, slot, ignored);
    });

    /// <summary>Stops recording. Large mappings come back as pages fault again. vCPUs may be running.</summary>
    /// <param name="slot">A slot of this machine.</param>
    public void StopDirtyLog(MemorySlot slot) => WithSlot(slot, lane =>
    {
        _core.Slots.ChangeFlags(slot, SlotFlags.None, SlotFlags.LogDirty | SlotFlags.SmallPagesOnly);

        // The small mappings make room: faults do not replace a table by a large mapping.
        _mmu.Zap(lane, slot.Range);
    });

    /// <summary>
    /// Takes the record of pages that were written since the log was started or last taken, and makes them clean. A write that a vCPU
    /// makes after this returns is in the next log; what it wrote before can be read now. vCPUs may be running.
    /// </summary>
    /// <param name="slot">A slot that is being logged.</param>
    /// <param name="bitmap">At least <see cref="MemorySlot.DirtyLogWords"/> words; bit n of the whole is page n of the slot.</param>
    /// <returns>The number of dirty pages.</returns>
    /// <exception cref="InvalidOperationException">The slot's dirty pages are not being logged.</exception>
    public long GetDirtyLog(MemorySlot slot, Span<ulong> bitmap)
    {
        ArgumentNullException.ThrowIfNull(slot);
        if (bitmap.Length < slot.DirtyLogWords)
        {
            throw new ArgumentException($"The bitmap has {bitmap.Length} words; the slot's dirty log takes {slot.DirtyLogWords}.", nameof(bitmap));
        }

        bitmap.Clear();
        fixed (ulong* words = bitmap)
        {
            // SAFETY: the span is pinned for the whole call and the callback runs inside it.
            var address = (nint)words;
            WithSlot(slot, lane =>
            {
                if ((SlotRecord.LoadFlags(slot.Record) & SlotFlags.LogDirty) == SlotFlags.None)
                {
                    throw new InvalidOperationException($"Dirty pages of the slot at {slot.BaseAddress} are not logged; call {nameof(StartDirtyLog)} first.");
                }

                Harvest(lane, slot, new Span<ulong>((void*)address, slot.DirtyLogWords));
            });
        }

        var pages = 0L;
        foreach (var word in bitmap[..slot.DirtyLogWords])
        {
            pages += System.Numerics.BitOperations.PopCount(word);
        }

        return pages;
    }

    /// <summary>Stops recording for a slot that may have been deleted, on a machine that may have been disposed.</summary>
    internal void TryStopDirtyLog(MemorySlot slot)
    {
        try
        {
            StopDirtyLog(slot);
        }
        catch (Exception exception) when (exception is ObjectDisposedException or ArgumentException or VirtualMachineBrokenException)
        {
            // Nothing is left to stop.
        }
    }

    // Entries first: a zap that takes a dirty entry away before the walk finds it marks the bitmap inside its section, which the wait
    // outlasts. The flush at the end is for such a zap, which may not have come to its own yet.
    private void Harvest(int lane, MemorySlot slot, Span<ulong> dirty)
    {
        _mmu.CollectDirty(lane, slot.Range, dirty);
        _core.Rendezvous.WaitForSections();
        slot.Dirty!.MoveTo(dirty);
        _core.Flush.FlushIfOwed(lane);
    }

    // The gate before the lane: who waits for the gate holds no lane, which its holder may need.
    private void WithSlot(MemorySlot slot, Action<int> operation)
    {
        ArgumentNullException.ThrowIfNull(slot);
        using var admitted = Admit();
        _core.Slots.Gate.Enter();
        try
        {
            if (!_core.Slots.All.Contains(slot))
            {
                throw new ArgumentException("The slot is not a slot of this machine, or was deleted before.", nameof(slot));
            }

            using var lane = new HostLane(_core);
            operation(lane.Index);
        }
        catch (InvariantViolationException violation)
        {
            _core.Break(violation.Message);
            throw;
        }
        finally
        {
            _core.Slots.Gate.Exit();
        }
    }
}
