namespace TdpMmu.Interleaving.Tests.SmallPrograms;

/// <summary>A thread in a <see cref="MachineState"/>.</summary>
internal sealed class MachineThread
{
    internal int Next { get; set; }

    internal ulong[] Registers { get; private init; } = new ulong[SmallProgram.Registers];

    /// <summary>Stores that are not in memory yet, oldest first.</summary>
    internal List<(int Word, ulong Value)> Buffer { get; private init; } = [];

    /// <summary>Whether the thread is in the second half of its instruction: it has begun to wait.</summary>
    internal bool Waits { get; set; }

    internal long Deadline { get; set; } = long.MaxValue;

    internal bool IsTimedOut { get; set; }

    internal bool IsWoken { get; set; }

    /// <summary>The order in which threads parked, or 0.</summary>
    internal int ParkNumber { get; set; }

    /// <summary>For each thread how many of its stores have to reach memory before the thread's process-wide fence ends.</summary>
    internal int[] Awaited { get; set; } = [];

    internal MachineThread Copy() => new()
    {
        Awaited = [.. Awaited],
        Next = Next,
        Registers = [.. Registers],
        Buffer = [.. Buffer],
        Waits = Waits,
        Deadline = Deadline,
        IsTimedOut = IsTimedOut,
        IsWoken = IsWoken,
        ParkNumber = ParkNumber,
    };

    internal ulong See(int word, ulong[] memory)
    {
        var value = memory[word];
        foreach (var (buffered, stored) in Buffer)
        {
            value = buffered == word ? stored : value;
        }

        return value;
    }

    internal string Key() =>
        $"{Next}:{string.Join(',', Registers)}:{string.Join(',', Buffer)}:{Waits}:{Deadline}:{IsTimedOut}:{IsWoken}:{ParkNumber}:{string.Join(',', Awaited)}";
}
