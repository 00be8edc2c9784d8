using TdpMmu.Concurrency;

namespace TdpMmu.Machine;

/// <summary>Keeps a machine's vCPUs from running, as if this thread ran them all.</summary>
internal readonly ref struct HeldVcpus
{
    private readonly ParticipantTable _participants;
    private readonly Admission _admission;

    /// <summary>Takes all vCPUs.</summary>
    /// <param name="participants">Whose vCPUs.</param>
    /// <param name="admission">What the caller was let into; left when the vCPUs are given back.</param>
    /// <exception cref="InvalidOperationException">One is running.</exception>
    internal HeldVcpus(ParticipantTable participants, Admission admission)
    {
        _participants = participants;
        _admission = admission;
        for (var vcpu = 0; vcpu < participants.VcpuCount; vcpu++)
        {
            if (!participants.TryOccupyVcpu(vcpu))
            {
                Release(participants, vcpu);
                admission.Leave();
                throw new InvalidOperationException($"vCPU {vcpu} is running; this needs a machine that stands still.");
            }
        }
    }

    /// <summary>Gives them back.</summary>
    public void Dispose()
    {
        Release(_participants, _participants.VcpuCount);
        _admission.Leave();
    }

    private static void Release(ParticipantTable participants, int count)
    {
        for (var vcpu = 0; vcpu < count; vcpu++)
        {
            participants.VacateVcpu(vcpu);
        }
    }
}
