namespace TdpMmu.Verification.Simulation;

/// <summary>What the simulator knows about one cache line of 64 bytes; it takes as much room as the line, at a constant distance from it.</summary>
internal struct LineState
{
    /// <summary>Until when transfers that began before keep the line, in picoseconds.</summary>
    internal long BusyUntil;

    /// <summary>Until when others are likely to want the line, in picoseconds: its owner then works on it in the order of virtual time.</summary>
    internal long OrderedUntil;

    /// <summary>The processor that has the line to itself, counted from 1; 0 if none has.</summary>
    internal int Owner;

    /// <summary>The place of its sharers in the table of sets, or 0.</summary>
    internal int SharerSet;

    /// <summary>How many processors have a copy, while nobody has the line to itself.</summary>
    internal int SharerCount;

    /// <summary>The sockets of the sharers, one bit each; the last bit stands for all from 63 on.</summary>
    internal ulong Sockets;

    /// <summary>Transfers to another processor in the measured part of the run.</summary>
    internal int Transfers;

    /// <summary>Whether threads wait for a word of the line to change.</summary>
    internal bool Watched;

    /// <summary>Whether it is in the list of lines that were ever transferred.</summary>
    internal bool Listed;

    /// <summary>Time that processors waited for the line in the measured part of the run, in picoseconds.</summary>
    internal long Waited;
}
