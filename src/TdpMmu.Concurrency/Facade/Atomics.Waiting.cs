using System.Diagnostics;

namespace TdpMmu.Concurrency;

/// <content>Waiting, time and threads.</content>
public static unsafe partial class Atomics
{
    private const int SpinsBeforeYield = 128;
    private const int YieldsBeforeSleep = 16;
    private const long SleepNanoseconds = 50_000;

    /// <summary>A timeout that never runs out.</summary>
    public const long NoTimeout = -1;

    /// <summary>
    /// Blocks while the word holds <paramref name="expected"/>, until <see cref="Wake"/> or the timeout. May return early;
    /// callers check their condition in a loop.
    /// </summary>
    /// <param name="word">The word to park on.</param>
    /// <param name="expected">The value that means "keep waiting".</param>
    /// <param name="timeoutNanoseconds">Relative time limit in nanoseconds, or <see cref="NoTimeout"/>.</param>
    /// <returns>False when the time ran out.</returns>
    public static bool Park(AtomicInt word, uint expected, long timeoutNanoseconds = NoTimeout) =>
        s_controlled && t_controller is { } controller
            ? controller.Park(word.Address, expected, timeoutNanoseconds)
            : Futex.Wait(word.Pointer, expected, timeoutNanoseconds);

    /// <summary>Wakes up to <paramref name="count"/> threads that are parked on the word. A system call.</summary>
    /// <param name="word">The word that they parked on.</param>
    /// <param name="count">How many to wake; <see cref="int.MaxValue"/> for all.</param>
    public static void Wake(AtomicInt word, int count)
    {
        if (s_controlled && t_controller is { } controller)
        {
            controller.Wake(word.Address, count);
            return;
        }

        Futex.Wake(word.Pointer, count);
    }

    /// <summary>
    /// Blocks until the word no longer holds <paramref name="observed"/>. Nobody needs to wake the waiter: it spins for a
    /// moment, gives its processor away, and then sleeps in short steps. For words whose writers must not pay for a wake-up.
    /// </summary>
    /// <param name="word">The word to watch.</param>
    /// <param name="observed">The value to outwait.</param>
    /// <param name="timeoutNanoseconds">Relative time limit in nanoseconds, or <see cref="NoTimeout"/>.</param>
    /// <returns>False when the time ran out.</returns>
    public static bool AwaitChange(AtomicWord word, ulong observed, long timeoutNanoseconds = NoTimeout)
    {
        if (s_controlled && t_controller is { } controller)
        {
            return controller.AwaitChange(word.Address, observed, timeoutNanoseconds);
        }

        var deadline = timeoutNanoseconds < 0 ? long.MaxValue : Now + timeoutNanoseconds;
        for (var round = 0; LoadAcquire(word) == observed; round++)
        {
            if (round < SpinsBeforeYield)
            {
                Thread.SpinWait(1);
            }
            else if (round < SpinsBeforeYield + YieldsBeforeSleep)
            {
                _ = Thread.Yield();
            }
            else if (Now >= deadline)
            {
                return false;
            }
            else
            {
                _ = Futex.Wait(word.LowHalf.Pointer, (uint)observed, SleepNanoseconds);
            }
        }

        return true;
    }

    /// <summary>Tells the processor that the calling thread spins. Loops that use it are bounded and then park.</summary>
    public static void SpinHint()
    {
        if (s_controlled && t_controller is { } controller)
        {
            controller.SpinHint();
            return;
        }

        Thread.SpinWait(1);
    }

    /// <summary>How often a loop around <see cref="SpinHint"/> looks again before it parks.</summary>
    /// <param name="rounds">How often on hardware; a controller may have it park earlier.</param>
    public static int SpinRounds(int rounds) => s_controlled && t_controller is { } controller ? controller.SpinRounds(rounds) : rounds;

    /// <summary>A monotonic clock in nanoseconds; about 20 ns a reading.</summary>
    public static long Now =>
        s_controlled && t_controller is { } controller
            ? controller.Now()
            : Stopwatch.Frequency == 1_000_000_000
                ? Stopwatch.GetTimestamp()
                : (long)(Stopwatch.GetTimestamp() * (1e9 / Stopwatch.Frequency));

    /// <summary>Starts a thread.</summary>
    /// <param name="name">Its name in debuggers and traces.</param>
    /// <param name="body">What it runs; what this throws is rethrown by <see cref="ControlledThread.Join()"/>.</param>
    public static ControlledThread StartThread(string name, Action body)
    {
        ArgumentNullException.ThrowIfNull(body);
        return s_controlled && t_controller is { } controller
            ? controller.StartThread(name, body)
            : new OperatingSystemThread(name, body);
    }

    // SAFETY: words are named by locations whose memory their owners keep mapped while anybody waits on them.
}
