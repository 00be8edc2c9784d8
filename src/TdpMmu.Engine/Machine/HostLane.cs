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
    public void Dispose()
    {
        // A lane that is given back has nobody to reclaim what it retired, so its user waits for the grace period.
        if (_core.Epochs.HasPending(Index))
        {
            _core.Epochs.Synchronize(Index);
        }

        // Tables that came back to the lane would stay in its cache until a host operation needs some; vCPUs may need them now.
        _core.Pool.Empty(Index);
        _core.Participants.ReturnHostLane(Index);
    }
}
