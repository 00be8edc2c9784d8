using TdpMmu.Concurrency;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>Holds threads until all have arrived and then lets them go together.</summary>
/// <remarks>They park: starting one more thread next to hundreds of spinning ones takes seconds.</remarks>
internal sealed class StartGate(int expected) : IDisposable
{
    private const int ReleasedOffset = 0;
    private const int ArrivedOffset = NativeBlock.LineBytes;
    private const long PollNanoseconds = 1_000_000;

    private readonly NativeBlock _block = new(2 * NativeBlock.LineBytes);

    /// <summary>Called by each thread once, on the thread.</summary>
    public void ArriveAndWait()
    {
        AtomicInt released = _block.Int(ReleasedOffset);
        Atomics.Add(_block.Word(ArrivedOffset), 1);
        while (Atomics.LoadAcquire(released) == 0)
        {
            Atomics.Park(released, 0);
        }
    }

    /// <summary>Called by the starter once.</summary>
    public void ReleaseWhenAllArrived()
    {
        AtomicInt released = _block.Int(ReleasedOffset);
        while (Atomics.LoadAcquire(_block.Word(ArrivedOffset)) < (ulong)expected)
        {
            Atomics.Park(released, 0, PollNanoseconds);
        }

        Atomics.Exchange(released, 1);
        Atomics.Wake(released, int.MaxValue);
    }

    public void Dispose() => _block.Dispose();
}
