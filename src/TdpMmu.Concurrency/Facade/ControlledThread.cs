namespace TdpMmu.Concurrency;

/// <summary>A thread started through <see cref="Atomics.StartThread"/>.</summary>
/// <remarks>Thread-safe. What the body throws is kept and rethrown by <see cref="Join()"/>, once.</remarks>
public abstract class ControlledThread
{
    /// <summary>Waits until the thread has ended.</summary>
    /// <param name="timeout">How long to wait; <see cref="Timeout.InfiniteTimeSpan"/> for ever.</param>
    /// <returns>False when the time ran out first.</returns>
    public abstract bool Join(TimeSpan timeout);

    /// <summary>Waits until the thread has ended.</summary>
    public void Join() => _ = Join(Timeout.InfiniteTimeSpan);
}
