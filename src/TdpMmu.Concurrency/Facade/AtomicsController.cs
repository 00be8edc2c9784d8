namespace TdpMmu.Concurrency;

/// <summary>
/// Receives every shared-memory operation, wait, fence and clock reading of the threads that are attached to it, in place
/// of the hardware: the seam on which a checker or a simulator stands.
/// </summary>
/// <remarks>
/// Controllers take effect only where the AppContext switch <see cref="Atomics.ControlSwitch"/> was on before the first
/// use of <see cref="Atomics"/>. Sizes are in bytes: 1, 2, 4 or 8. Values are zero-extended.
/// An implementation performs the operation itself, through <see cref="RawMemory"/> or on a model of memory.
/// </remarks>
public abstract class AtomicsController
{
    /// <summary>An atomic load.</summary>
    public abstract ulong Load(nint address, int size, MemoryOrder order);

    /// <summary>An atomic store.</summary>
    public abstract void Store(nint address, int size, ulong value, MemoryOrder order);

    /// <summary>Stores <paramref name="value"/> and returns what was there.</summary>
    public abstract ulong Exchange(nint address, int size, ulong value);

    /// <summary>Stores <paramref name="value"/> where <paramref name="comparand"/> is, and returns what was there.</summary>
    public abstract ulong CompareExchange(nint address, int size, ulong value, ulong comparand);

    /// <summary>Adds and returns the sum.</summary>
    public abstract ulong Add(nint address, int size, ulong value);

    /// <summary>Clears the bits that <paramref name="value"/> lacks and returns what was there.</summary>
    public abstract ulong And(nint address, int size, ulong value);

    /// <summary>Sets the bits of <paramref name="value"/> and returns what was there.</summary>
    public abstract ulong Or(nint address, int size, ulong value);

    /// <summary>Copies shared bytes, in no order that another thread may rely on.</summary>
    public abstract void CopyBytes(nint source, nint destination, int length, bool sourceIsShared);

    /// <summary>A full fence of the calling thread.</summary>
    public abstract void FullFence();

    /// <summary>A full fence of every thread of the process.</summary>
    public abstract void ProcessWideFence();

    /// <summary>Blocks while the 32-bit word holds <paramref name="expected"/>, until woken or timed out.</summary>
    /// <returns>False when the time ran out.</returns>
    public abstract bool Park(nint address, uint expected, long timeoutNanoseconds);

    /// <summary>Wakes up to <paramref name="count"/> threads that are parked on the word.</summary>
    public abstract void Wake(nint address, int count);

    /// <summary>Blocks until the 64-bit word no longer holds <paramref name="observed"/>, or the time is over.</summary>
    /// <returns>False when the time ran out; negative times never do.</returns>
    public abstract bool AwaitChange(nint address, ulong observed, long timeoutNanoseconds);

    /// <summary>The calling thread spins on a condition that another thread establishes.</summary>
    public abstract void SpinHint();

    /// <summary>How often a bounded spin looks again before it parks.</summary>
    /// <param name="rounds">What the code does on hardware.</param>
    /// <returns>What it does now: from 0 (park at once) to <paramref name="rounds"/>.</returns>
    public virtual int SpinRounds(int rounds) => rounds;

    /// <summary>See <see cref="Past.Begin"/>.</summary>
    /// <returns>What <see cref="ForgetPast"/> gets.</returns>
    public virtual ulong BeginPast() => 0;

    /// <summary>See <see cref="Past.Forget"/>.</summary>
    /// <param name="mark">What <see cref="BeginPast"/> returned.</param>
    /// <param name="kept">What is still of interest.</param>
    public virtual void ForgetPast(ulong mark, ulong kept)
    {
    }

    /// <summary>Allocates zeroed memory for threads to share; by default from the process's heap.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="alignment">Its alignment, a power of two.</param>
    /// <exception cref="OutOfMemoryException">The memory cannot be had.</exception>
    public virtual nint Allocate(nuint bytes, nuint alignment) => RawMemory.Allocate(bytes, alignment);

    /// <summary>Frees what <see cref="Allocate"/> returned. May be called by a thread that is not attached, such as the finaliser's.</summary>
    public virtual void Free(nint address, nuint bytes) => RawMemory.Free(address);

    /// <summary>No thread may use these bytes from now on, until <see cref="Readmit"/>: a checker reports who does.</summary>
    public virtual void Quarantine(nint address, nuint bytes)
    {
    }

    /// <summary>Ends <see cref="Quarantine"/>.</summary>
    public virtual void Readmit(nint address, nuint bytes)
    {
    }

    /// <summary>The time in nanoseconds since an arbitrary start.</summary>
    public abstract long Now();

    /// <summary>Starts a thread that runs <paramref name="body"/> under this controller.</summary>
    public abstract ControlledThread StartThread(string name, Action body);

    /// <summary>Runs <paramref name="body"/> on the calling thread with this controller attached.</summary>
    /// <param name="body">What to run.</param>
    /// <exception cref="InvalidOperationException">Control is switched off in this process.</exception>
    protected void RunAttached(Action body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (!Atomics.IsControllable)
        {
            throw new InvalidOperationException($"Controllers need the AppContext switch '{Atomics.ControlSwitch}', set before first use.");
        }

        var previous = Atomics.AttachedController;
        Atomics.AttachedController = this;
        try
        {
            body();
        }
        finally
        {
            Atomics.AttachedController = previous;
        }
    }
}
