namespace TdpMmu.Concurrency;

/// <summary>Takes back what a grace period has made unreachable.</summary>
public interface IEpochReclaimer
{
    /// <summary>Frees one retired object. Runs outside sections, on the thread that reclaims.</summary>
    /// <param name="participant">The participant that retired it and now reclaims it.</param>
    /// <param name="address">What was retired.</param>
    /// <param name="kind">The number that was given with it.</param>
    void Reclaim(int participant, nint address, int kind);
}
