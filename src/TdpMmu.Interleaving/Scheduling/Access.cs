namespace TdpMmu.Interleaving;

/// <summary>One location that an event touches. Two events commute that touch no location in common, or only in ways that commute.</summary>
/// <param name="Key">A word of memory, or one of the locations below.</param>
/// <param name="Mask">The bytes of the word.</param>
/// <param name="Kind">How it is touched.</param>
/// <param name="Before">Of a change the value that was there; of a wait the value that it outwaits.</param>
/// <param name="After">Of a change the value that is there now.</param>
internal readonly record struct Access(nint Key, byte Mask, AccessKind Kind, ulong Before = 0, ulong After = 0)
{
    /// <summary>What one <see cref="Region"/> covers.</summary>
    internal const nint RegionBytes = 4096;

    private const nint EndKeys = 1024;
    private const byte WholeWord = 0xff;

    /// <summary>Whether it puts itself behind everything that was done to the same bytes before.</summary>
    internal bool IsWrite => Kind >= AccessKind.Write;

    /// <summary>Bytes of a word of memory.</summary>
    internal static Access Memory(nint address, int size, AccessKind kind) =>
        new(address & ~7, (byte)(((1 << size) - 1) << (int)(address & 7)), kind);

    /// <summary>A whole word that is changed.</summary>
    internal static Access Change(nint word, ulong before, ulong after) => new(word, WholeWord, AccessKind.Change, before, after);

    /// <summary>A wait until a word is not as it was.</summary>
    internal static Access Await(nint word, ulong outwaited) => new(word, WholeWord, AccessKind.Await, outwaited);

    /// <summary>That the memory around an address may be used at all: read by who uses it, written by who frees it or puts it in quarantine.</summary>
    internal static Access Region(nint address, AccessKind kind) => new((address & ~(RegionBytes - 1)) | 2, WholeWord, kind);

    /// <summary>The threads that are parked on a word: written by who joins or leaves them or wakes one, read by who finds none to wake.</summary>
    internal static Access Queue(nint address, AccessKind kind) => new(address | 1, WholeWord, kind);

    /// <summary>That a thread begins and ends.</summary>
    internal static Access Life(int thread) => new(EndKeys + (thread * 8), WholeWord, AccessKind.Write);

    internal bool ConflictsWith(in Access other) => Key == other.Key && (Mask & other.Mask) != 0 && (Kind, other.Kind) switch
    {
        (AccessKind.Change, AccessKind.Await) => Before == other.Before || After == other.Before,
        (AccessKind.Await, AccessKind.Change) => Before == other.Before || Before == other.After,
        (AccessKind.Read, AccessKind.Note) or (AccessKind.Note, AccessKind.Read) => true,
        _ => IsWrite || other.IsWrite,
    };

    /// <summary>Whether a wait could not have come to its end right before another access.</summary>
    internal bool IsEnabledBy(in Access other) => Kind == AccessKind.Await && other.Kind == AccessKind.Change && Before == other.Before;
}
