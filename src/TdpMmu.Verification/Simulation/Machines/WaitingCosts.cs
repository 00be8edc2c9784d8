namespace TdpMmu.Verification.Simulation;

/// <summary>What blocking and waking cost, in nanoseconds.</summary>
public sealed record WaitingCosts
{
    /// <summary>How often a bounded spin looks again before it parks; -1 for what the code asks for, 0 for a lock that queues at once.</summary>
    public required int SpinRounds { get; init; }

    /// <summary>Going to sleep, or finding out that there is no need to.</summary>
    public required double Park { get; init; }

    /// <summary>The waker's time when somebody sleeps.</summary>
    public required double WakeCall { get; init; }

    /// <summary>The waker's time when nobody does.</summary>
    public required double WakeNobody { get; init; }

    /// <summary>From the waker's call to the sleeper's next instruction; 0 for one line transfer, which is what a queue lock takes.</summary>
    public required double WakeLatency { get; init; }
}
