using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>A lock policy of the engine that charges what a kernel does in the section of a fault besides what the engine does there.</summary>
/// <typeparam name="TLock">The policy.</typeparam>
internal readonly struct SectionLock<TLock> : IMmuLock<SectionLock<TLock>>
    where TLock : struct, IMmuLock<TLock>
{
    private readonly TLock _lock;
    private readonly ParticipantTable _participants;

    private SectionLock(TLock policy, ParticipantTable participants)
    {
        _lock = policy;
        _participants = participants;
    }

    public static string Name => TLock.Name;

    public static bool Excludes => TLock.Excludes;

    public bool IsContended => _lock.IsContended;

    public static SectionLock<TLock> Create(ParticipantTable participants) => new(TLock.Create(participants), participants);

    public void EnterShared(int participant)
    {
        _lock.EnterShared(participant);
        if (TLock.Excludes)
        {
            Charge();
        }
    }

    public void LeaveShared(int participant)
    {
        // Under a policy that excludes nobody, a fault also looks for its page in such a section; one that finds it missing leaves with
        // its slot announced, and has mapped nothing.
        if (!TLock.Excludes && RawMemory.Load(_participants.Reference(participant).Address, sizeof(ulong)) == 0)
        {
            Charge();
        }

        _lock.LeaveShared(participant);
    }

    public void EnterExclusive(int participant) => _lock.EnterExclusive(participant);

    public void LeaveExclusive(int participant) => _lock.LeaveExclusive(participant);

    private static void Charge()
    {
        if (VirtualTimeController.Running is { } controller)
        {
            controller.Advance(controller.SectionTime);
        }
    }
}
