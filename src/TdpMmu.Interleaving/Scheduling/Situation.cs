namespace TdpMmu.Interleaving;

/// <summary>What a strategy decides on: who may go next.</summary>
/// <param name="Step">Events so far.</param>
/// <param name="Enabled">Actors that can take a step, as a set of bits: threads, and from <see cref="ScheduledThread.Most"/> on their store buffers.</param>
/// <param name="Current">The thread that took the last step of a thread, or -1.</param>
/// <param name="IsDraining">Whether that thread waits for nothing but store buffers, which drain by themselves.</param>
internal readonly record struct Situation(int Step, uint Enabled, int Current, bool IsDraining = false)
{
    private const uint Threads = (1u << ScheduledThread.Most) - 1;

    /// <summary>The actor that disturbs least: a buffer is drained at once, and a thread goes on as long as it can.</summary>
    internal int Undisturbed(uint among)
    {
        var buffers = among & ~Threads;
        if (Current >= 0 && (among & (1u << (Current + ScheduledThread.Most))) != 0)
        {
            return Current + ScheduledThread.Most;
        }

        return Current >= 0 && (among & (1u << Current)) != 0 ? Current
            : buffers != 0 ? System.Numerics.BitOperations.TrailingZeroCount(buffers)
            : System.Numerics.BitOperations.TrailingZeroCount(among);
    }

    /// <summary>Whether choosing an actor takes the processor from a thread that could go on.</summary>
    internal bool IsPreemption(int actor) =>
        actor < ScheduledThread.Most && Current >= 0 && actor != Current && (IsDraining || (Enabled & (1u << Current)) != 0);
}
