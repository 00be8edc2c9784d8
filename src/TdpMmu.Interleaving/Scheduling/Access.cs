namespace TdpMmu.Interleaving;

/// <summary>One location that an event touches. Two events that touch no location in common, or only read it, commute.</summary>
/// <param name="Key">A word of memory, or one of the locations below.</param>
/// <param name="Mask">The bytes of the word.</param>
/// <param name="Write">Whether it is written.</param>
internal readonly record struct Access(nint Key, byte Mask, bool Write)
{
    /// <summary>What one <see cref="Region"/> covers.</summary>
    internal const nint RegionBytes = 4096;

    private const nint EndKeys = 1024;

    /// <summary>Bytes of a word of memory.</summary>
    internal static Access Memory(nint address, int size, bool write) =>
        new(address & ~7, (byte)(((1 << size) - 1) << (int)(address & 7)), write);

    /// <summary>That the memory around an address may be used at all: read by who uses it, written by who frees it or puts it in quarantine.</summary>
    internal static Access Region(nint address, bool write) => new((address & ~(RegionBytes - 1)) | 2, 0xff, write);

    /// <summary>The threads that are parked on a word.</summary>
    internal static Access Queue(nint address) => new(address | 1, 0xff, Write: true);

    /// <summary>That a thread begins and ends.</summary>
    internal static Access Life(int thread) => new(EndKeys + (thread * 8), 0xff, Write: true);

    internal bool ConflictsWith(Access other) => Key == other.Key && (Mask & other.Mask) != 0 && (Write || other.Write);
}
