namespace TdpMmu.Interleaving;

/// <summary>Sees what happens to memory, in the order in which it happens: for oracles and models of hardware.</summary>
/// <remarks>
/// Called by whichever thread makes the change visible; for a store that waited in a buffer that may be another one than stored it.
/// An observer looks at memory through <see cref="Execution.Aside"/> and reports by throwing <see cref="FindingException"/>.
/// </remarks>
public interface IMemoryObserver
{
    /// <summary>A write has reached memory.</summary>
    /// <param name="address">Where.</param>
    /// <param name="size">How many bytes: 1, 2, 4 or 8.</param>
    /// <param name="before">What was there.</param>
    /// <param name="after">What is there now.</param>
    void Written(nint address, int size, ulong before, ulong after);

    /// <summary>Memory was put in quarantine.</summary>
    /// <param name="address">Its first byte.</param>
    /// <param name="bytes">Its size.</param>
    void Quarantined(nint address, nuint bytes)
    {
    }

    /// <summary>Memory came out of quarantine.</summary>
    /// <param name="address">Its first byte.</param>
    /// <param name="bytes">Its size.</param>
    void Readmitted(nint address, nuint bytes)
    {
    }
}
