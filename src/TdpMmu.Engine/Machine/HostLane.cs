namespace TdpMmu.Machine;

/// <summary>A participant that a host thread leases for the length of an operation.</summary>
internal readonly ref struct HostLane
{
    private readonly MachineCore _core;

    /// <summary>Leases a lane; waits while all are in use.</summary>
    internal HostLane(MachineCore core)
    {
        _core = core;
        Index = core.Participants.LeaseHostLane();
    }

    /// <summary>The participant.</summary>
    internal int Index { get; }

    /// <summary>Settles what the operation retired, and gives the lane back.</summary>
    public void Dispose() => Return(_core, Index);

    /// <summary>Ends the use of a lane that was leased by hand.</summary>
    internal static void Return(MachineCore core, int lane)
    {
        // A lane that is given back has nobody to reclaim what it retired, so its user waits for the grace period.
        if (core.Epochs.HasPending(lane))
        {
            core.Epochs.Synchronize(lane);
        }

        // Tables that came back to the lane would stay in its cache until a host operation needs some; vCPUs may need them now.
        core.Pool.Empty(lane);
        core.Participants.ReturnHostLane(lane);
    }
}
