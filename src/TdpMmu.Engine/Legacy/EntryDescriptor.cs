namespace TdpMmu.Legacy;

/// <summary>A piece of an <see cref="EntryList"/> with more than one entry.</summary>
internal unsafe struct EntryDescriptor
{
    /// <summary>Entries that fit: the structure fills 64 bytes.</summary>
    internal const int Capacity = 6;

    /// <summary>The next piece, which is full, or null.</summary>
    internal EntryDescriptor* Next;

    /// <summary>How many entries this piece has, 1 to <see cref="Capacity"/>.</summary>
    internal long Count;

    /// <summary>The entries' addresses.</summary>
    internal fixed ulong Entries[Capacity];

    // SAFETY: a descriptor belongs to the one list that leads to it.
}
