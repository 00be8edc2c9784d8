namespace EpochBug;

/// <summary>How a reader's announcement comes to be seen before the reader uses the pointer.</summary>
internal enum Announcement
{
    /// <summary>It does not: x86 lets the load of the pointer overtake the store of the announcement.</summary>
    PlainStore,

    /// <summary>The reader announces itself with a locked operation.</summary>
    LockedOperation,

    /// <summary>The reader stores plainly, and the writer makes every thread execute a fence before it looks.</summary>
    FenceOfTheWriter,
}
