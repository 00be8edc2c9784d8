namespace TdpMmu.Concurrency;

/// <summary>
/// Nothing excludes anything: sections are only announced. The announcement is made by the MMU for every policy, so this
/// one does nothing and compiles to nothing.
/// </summary>
public readonly struct RcuLock : IMmuLock<RcuLock>
{
    /// <inheritdoc/>
    public static string Name => "rcu";

    /// <inheritdoc/>
    public static bool Excludes => false;

    /// <inheritdoc/>
    public bool IsContended => false;

    /// <inheritdoc/>
    public static RcuLock Create(ParticipantTable participants) => default;

    /// <inheritdoc/>
    public void EnterShared(int participant)
    {
    }

    /// <inheritdoc/>
    public void LeaveShared(int participant)
    {
    }

    /// <inheritdoc/>
    public void EnterExclusive(int participant)
    {
    }

    /// <inheritdoc/>
    public void LeaveExclusive(int participant)
    {
    }
}
