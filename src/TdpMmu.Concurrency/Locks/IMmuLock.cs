namespace TdpMmu.Concurrency;

/// <summary>
/// What excludes the MMU's operations from each other, as a policy: a struct that the MMU is compiled with.
/// </summary>
/// <typeparam name="TSelf">The implementing struct.</typeparam>
/// <remarks>
/// Shared sections change entries by compare-and-swap and may run side by side; exclusive ones take ranges of memory away.
/// A policy decides which of them really exclude each other: the MMU is correct under all, because announced sections and
/// invalidation ranges order what needs ordering. Implementations are thread-safe and count waits with
/// <see cref="LockWait"/>. The copies of a policy struct share their state through native words.
/// </remarks>
public interface IMmuLock<TSelf>
    where TSelf : struct, IMmuLock<TSelf>
{
    /// <summary>The policy's name in output.</summary>
    static abstract string Name { get; }

    /// <summary>
    /// Whether sections can wait for each other. Where they cannot, a fault looks at its page inside the section that maps it;
    /// where they can, it looks before it asks for the lock.
    /// </summary>
    static virtual bool Excludes => true;

    /// <summary>Creates the policy's state on the zeroed <see cref="ParticipantTable.LockLines"/>.</summary>
    /// <param name="participants">Whose threads will use it.</param>
    static abstract TSelf Create(ParticipantTable participants);

    /// <summary>Whether somebody waits at this moment: a long walk that gives the lock up then stays out of it for a while.</summary>
    bool IsContended { get; }

    /// <summary>Enters a section that changes entries by compare-and-swap.</summary>
    void EnterShared(int participant);

    /// <summary>Leaves a shared section.</summary>
    void LeaveShared(int participant);

    /// <summary>Enters a section that takes mappings away.</summary>
    void EnterExclusive(int participant);

    /// <summary>Leaves an exclusive section.</summary>
    void LeaveExclusive(int participant);
}
