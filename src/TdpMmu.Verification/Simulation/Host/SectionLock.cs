using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>A lock policy of the engine that charges what a kernel does in the section of a fault besides what the engine does there.</summary>
/// <typeparam name="TLock">The policy.</typeparam>
internal readonly struct SectionLock<TLock> : IMmuLock<SectionLock<TLock>>
    where TLock : struct, IMmuLock<TLock>
{
    private readonly TLock _lock;

    private SectionLock(TLock policy) => _lock = policy;

    public static string Name => TLock.Name;

    public static bool Excludes => TLock.Excludes;

    public bool IsContended => _lock.IsContended;

    public static SectionLock<TLock> Create(ParticipantTable participants) => new(TLock.Create(participants));

    public void EnterShared(int participant)
    {
        _lock.EnterShared(participant);
        if (VirtualTimeController.Running is { } controller)
        {
            controller.Advance(controller.SectionTime);
        }
    }

    public void LeaveShared(int participant) => _lock.LeaveShared(participant);

    public void EnterExclusive(int participant) => _lock.EnterExclusive(participant);

    public void LeaveExclusive(int participant) => _lock.LeaveExclusive(participant);
}
