namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>A state of <see cref="AbstractMachine"/>.</summary>
internal sealed class MachineState
{
    private MachineState(ulong[] memory, int[] quarantined, MachineThread[] threads)
    {
        Memory = memory;
        Quarantined = quarantined;
        Threads = threads;
    }

    internal ulong[] Memory { get; }

    /// <summary>One more than the thread that put a word in quarantine, or 0.</summary>
    internal int[] Quarantined { get; }

    internal MachineThread[] Threads { get; }

    internal long Clock { get; private set; } = 1;

    internal int Parked { get; private set; }

    /// <summary>The thread that took the last step of a thread, or -1.</summary>
    internal int Current { get; set; } = -1;

    internal static MachineState Initial(SmallProgram program) =>
        new(new ulong[program.Words], new int[program.Words], [.. program.Threads.Select(static _ => new MachineThread())]);

    internal MachineState Copy() => new([.. Memory], [.. Quarantined], [.. Threads.Select(static thread => thread.Copy())])
    {
        Clock = Clock,
        Parked = Parked,
        Current = Current,
    };

    internal void AdvanceTo(long time) => Clock = Math.Max(Clock, time);

    internal int NextParkNumber() => ++Parked;

    /// <summary>Everything that matters for what can come.</summary>
    internal string Key() =>
        $"{Current};{Clock};{string.Join(',', Memory)};{string.Join(',', Quarantined)};{string.Join(';', Threads.Select(static thread => thread.Key()))}";
}
