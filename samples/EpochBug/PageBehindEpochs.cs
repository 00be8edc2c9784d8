using TdpMmu.Concurrency;

namespace EpochBug;

/// <summary>
/// A page that readers reach through a pointer, and that a writer replaces and frees. Readers announce that they are inside; the writer
/// frees the old page when it finds no reader inside.
/// </summary>
internal sealed class PageBehindEpochs(nint slots, nint pointer, nint firstPage, Announcement announcement)
{
    private AtomicWord Pointer => Word(pointer);

    /// <summary>Reads the page.</summary>
    internal ulong Read(int reader)
    {
        var slot = Word(slots + (reader * 8));
        if (announcement == Announcement.LockedOperation)
        {
            Atomics.Exchange(slot, 1);
        }
        else
        {
            Atomics.StoreRelease(slot, 1);
        }

        var page = (nint)Atomics.LoadAcquire(Pointer);
        var value = Atomics.LoadRelaxed(Word(page));
        Atomics.StoreRelease(slot, 0);
        return value;
    }

    /// <summary>Replaces the page and frees the old one if no reader can be on it.</summary>
    internal void Replace(nint newPage, int readers)
    {
        Atomics.Exchange(Pointer, (ulong)newPage);
        if (announcement == Announcement.FenceOfTheWriter)
        {
            Atomics.ProcessWideFence();
        }

        for (var reader = 0; reader < readers; reader++)
        {
            if (Atomics.LoadAcquire(Word(slots + (reader * 8))) != 0)
            {
                return;
            }
        }

        Atomics.Quarantine(new AtomicBytes(firstPage), 8);
    }

    // SAFETY: every address is one that the execution allocated; it is mapped for as long as the process runs.
    private static unsafe AtomicWord Word(nint address) => new((void*)address);
}
