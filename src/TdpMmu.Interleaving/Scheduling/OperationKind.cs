namespace TdpMmu.Interleaving;

/// <summary>What a thread does at a scheduling point.</summary>
internal enum OperationKind : byte
{
    /// <summary>The thread begins.</summary>
    Begin,

    /// <summary>The thread has ended.</summary>
    End,

    /// <summary>A load.</summary>
    Load,

    /// <summary>A store, which goes to the thread's buffer where there is one.</summary>
    Store,

    /// <summary>A store that is a full fence.</summary>
    FencedStore,

    /// <summary>The oldest store of a thread's buffer reaches memory.</summary>
    Flush,

    /// <summary>A read-modify-write operation.</summary>
    Update,

    /// <summary>A full fence of the thread.</summary>
    Fence,

    /// <summary>A full fence of all threads begins: each passes a fence of its own at some moment before it ends.</summary>
    ProcessWideFence,

    /// <summary>All threads have passed a fence since the process-wide one began.</summary>
    ProcessWideFenceEnd,

    /// <summary>The thread compares a word and parks on it if it is as expected.</summary>
    Park,

    /// <summary>A parked thread goes on.</summary>
    Resume,

    /// <summary>Parked threads are woken.</summary>
    Wake,

    /// <summary>The thread waits until a word changes.</summary>
    AwaitChange,

    /// <summary>The thread spins: it goes on when something that it read has changed.</summary>
    Spin,

    /// <summary>Memory is freed or put in quarantine.</summary>
    Withdraw,

    /// <summary>Memory comes out of quarantine.</summary>
    Readmit,

    /// <summary>What the program knows about itself changes or is looked at.</summary>
    Note,

    /// <summary>A thread is started.</summary>
    Start,

    /// <summary>The thread waits for another one to end.</summary>
    Join,
}
