using TdpMmu.Concurrency;

namespace TdpMmu.Verification;

/// <summary>Puts what is reclaimed in quarantine, so that whoever still uses it is found.</summary>
internal sealed class WithdrawingReclaimer : IEpochReclaimer
{
    /// <summary>Objects reclaimed so far. Looked at when nothing runs.</summary>
    internal int Count { get; private set; }

    public void Reclaim(int participant, nint address, int kind)
    {
        Atomics.Quarantine(new AtomicBytes(address), sizeof(ulong));
        Count++;
    }
}
