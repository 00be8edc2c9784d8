namespace TdpMmu.Interleaving;

/// <summary>One step of an execution.</summary>
internal struct StepEvent
{
    /// <summary>The thread, or <see cref="ScheduledThread.Most"/> plus the thread whose buffer is drained.</summary>
    internal byte Actor;

    internal OperationKind Kind;

    /// <summary>Whether the actor could not always do this, so that all that it conflicts with may have enabled or disabled it.</summary>
    internal bool Blocking;

    /// <summary>Whether time ran out, which it does only when nothing else can happen: all that happened before is needed for this.</summary>
    internal bool TimesOut;

    /// <summary>Where its accesses are in the list of all accesses.</summary>
    internal int FirstAccess;

    internal int AccessCount;

    /// <summary>An event that happens before whatever is touched, besides the actor's own last one; or -1.</summary>
    internal int FamilyEvent;

    /// <summary>Where further such events are in the list of them: the stores that a process-wide fence waited for.</summary>
    internal int FirstAwaited;

    internal int AwaitedCount;

    internal nint Address;

    internal int Size;

    /// <summary>What was loaded, stored or found.</summary>
    internal ulong Value;

    internal string? Detail;
}
