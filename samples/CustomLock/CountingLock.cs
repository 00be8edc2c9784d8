using TdpMmu.Concurrency;

namespace CustomLock;

/// <summary>
/// A lock policy of one's own: the monolithic lock, with a count of how often a section was entered. The MMU is compiled with it, so it
/// costs what it does and nothing more.
/// </summary>
internal readonly struct CountingLock : IMmuLock<CountingLock>
{
    private readonly MonolithicLock _inner;
    private readonly AtomicWord _entries;

    private CountingLock(ParticipantTable participants)
    {
        // The policy has two zeroed lines of native memory; the inner lock uses the first word.
        _inner = MonolithicLock.Create(participants);
        _entries = participants.LockLines.At(NativeBlock.LineBytes / sizeof(ulong));
        Latest = _entries;
    }

    public bool IsContended => _inner.IsContended;

    public static string Name => "counting";

    /// <summary>Where the machine that was created last counts.</summary>
    internal static AtomicWord Latest { get; private set; }

    public static CountingLock Create(ParticipantTable participants) => new(participants);

    public void EnterShared(int participant)
    {
        _inner.EnterShared(participant);
        Atomics.Add(_entries, 1);
    }

    public void LeaveShared(int participant) => _inner.LeaveShared(participant);

    public void EnterExclusive(int participant)
    {
        _inner.EnterExclusive(participant);
        Atomics.Add(_entries, 1);
    }

    public void LeaveExclusive(int participant) => _inner.LeaveExclusive(participant);
}
