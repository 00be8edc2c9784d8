namespace TdpMmu.Interleaving;

/// <summary>In which order threads see each other's stores.</summary>
public enum MemoryModel
{
    /// <summary>Every operation takes effect at once and for all: Lamport's sequential consistency.</summary>
    SequentiallyConsistent,

    /// <summary>
    /// x86: each thread's plain stores wait in a first-in-first-out buffer that only the thread itself sees, and reach memory at any later
    /// time; locked operations and fences wait until the buffer is empty (Sewell et al., "x86-TSO", 2010).
    /// </summary>
    TotalStoreOrder,
}
