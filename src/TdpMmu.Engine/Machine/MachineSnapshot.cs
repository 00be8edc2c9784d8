using System.Numerics;
using System.Runtime.InteropServices;

namespace TdpMmu;

/// <summary>
/// The contents of a machine's memory at one moment, kept in memory so that the machine can be put back to it again and again:
/// <see cref="Restore"/> copies only the pages that were written since.
/// </summary>
/// <remarks>
/// Not thread-safe. The machine's vCPUs must not run while a snapshot is taken or restored. A snapshot uses the dirty logs of the
/// machine's slots; nobody else may take them while it is alive, and disposing it stops them. Pages that were missing at that moment and
/// were written since are missing again after a restore, and come from their source anew.
/// </remarks>
public sealed unsafe class MachineSnapshot : IDisposable
{
    private readonly VirtualMachine _machine;
    private readonly List<SavedSlot> _slots = [];
    private bool _disposed;

    internal MachineSnapshot(VirtualMachine machine)
    {
        _machine = machine;
        using var stopped = machine.HoldVcpus();
        try
        {
            foreach (var slot in machine.Slots)
            {
                machine.StartDirtyLog(slot);
                try
                {
                    _slots.Add(Save(slot));
                }
                catch
                {
                    machine.TryStopDirtyLog(slot);
                    throw;
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Bytes of saved contents.</summary>
    public long Bytes => _slots.Sum(static saved => (long)saved.Slot.Length);

    /// <summary>Puts the memory back.</summary>
    /// <returns>The number of pages that had been written.</returns>
    /// <exception cref="InvalidOperationException">A vCPU is running.</exception>
    public long Restore()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var stopped = _machine.HoldVcpus();
        var total = 0L;
        foreach (var saved in _slots)
        {
            total += _machine.GetDirtyLog(saved.Slot, saved.Bitmap);
            for (var word = 0; word < saved.Bitmap.Length; word++)
            {
                for (var bits = saved.Bitmap[word]; bits != 0; bits &= bits - 1)
                {
                    RestorePage(saved, ((ulong)word * 64) + (ulong)BitOperations.TrailingZeroCount(bits));
                }
            }

            // What was copied back is not new.
            _ = _machine.GetDirtyLog(saved.Slot, saved.Bitmap);
        }

        return total;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        foreach (var saved in _slots)
        {
            // SAFETY: the copy is freed once and not used afterwards.
            NativeMemory.Free(saved.Contents);
            _machine.TryStopDirtyLog(saved.Slot);
        }

        _slots.Clear();
    }

    private SavedSlot Save(MemorySlot slot)
    {
        var contents = (byte*)NativeMemory.AllocZeroed((nuint)slot.Length);
        var present = new ulong[slot.DirtyLogWords];
        try
        {
            for (ulong page = 0; page < slot.Range.Count; page++)
            {
                if (slot.Memory.States.IsPresent(slot.PageOf(slot.Range.Start) + page))
                {
                    present[page / 64] |= 1UL << (int)(page % 64);
                    _machine.Read(AddressOf(slot, page), PageAt(contents, page));
                }
            }
        }
        catch
        {
            NativeMemory.Free(contents);
            throw;
        }

        return new SavedSlot(slot, contents, present, new ulong[slot.DirtyLogWords]);
    }

    private void RestorePage(SavedSlot saved, ulong page)
    {
        if ((saved.Present[page / 64] & (1UL << (int)(page % 64))) != 0)
        {
            _machine.Write(AddressOf(saved.Slot, page), PageAt(saved.Contents, page));
        }
        else
        {
            _machine.Discard(AddressOf(saved.Slot, page), PageGeometry.PageSize);
        }
    }

    private static Gpa AddressOf(MemorySlot slot, ulong page) => slot.BaseAddress.Plus(page * PageGeometry.PageSize);

    // SAFETY: pages are numbered below the slot's length, which is the size of the copy.
    private static Span<byte> PageAt(byte* contents, ulong page) => new(contents + (page * PageGeometry.PageSize), (int)PageGeometry.PageSize);

    private sealed class SavedSlot(MemorySlot slot, byte* contents, ulong[] present, ulong[] bitmap)
    {
        internal MemorySlot Slot { get; } = slot;

        internal byte* Contents { get; } = contents;

        internal ulong[] Present { get; } = present;

        internal ulong[] Bitmap { get; } = bitmap;
    }
}
