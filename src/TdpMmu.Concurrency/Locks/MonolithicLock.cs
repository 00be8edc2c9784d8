namespace TdpMmu.Concurrency;

/// <summary>Every section excludes every other: the MMU lock as it was before 2020.</summary>
public readonly struct MonolithicLock : IMmuLock<MonolithicLock>
{
    private readonly ParticipantTable _participants;
    private readonly ParkingLock _lock;

    private MonolithicLock(ParticipantTable participants)
    {
        _participants = participants;
        _lock = new ParkingLock(participants.LockLines.LowHalf);
    }

    /// <inheritdoc/>
    public static string Name => "monolithic";

    /// <inheritdoc/>
    public bool IsContended => _lock.IsContended;

    /// <inheritdoc/>
    public static MonolithicLock Create(ParticipantTable participants) => new(participants);

    /// <inheritdoc/>
    public void EnterShared(int participant)
    {
        var past = Past.Begin();
        if (!_lock.TryEnter())
        {
            using var wait = new LockWait(_participants, participant);
            _lock.EnterContended();
        }

        past.Forget();
    }

    /// <inheritdoc/>
    public void LeaveShared(int participant) => _lock.Exit();

    /// <inheritdoc/>
    public void EnterExclusive(int participant) => EnterShared(participant);

    /// <inheritdoc/>
    public void LeaveExclusive(int participant) => _lock.Exit();
}
