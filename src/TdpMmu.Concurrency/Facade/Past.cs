namespace TdpMmu.Concurrency;

/// <summary>
/// What a thread has read from shared memory since some moment, to be forgotten where it does not matter any more: at the begin of a further
/// attempt, and when a lock is taken, however long that took. Nothing on hardware; a checker that compares states tells fewer of them apart.
/// </summary>
/// <remarks>Used by one thread. May nest: a part of a program forgets what it has read itself.</remarks>
public readonly struct Past
{
    private readonly ulong _mark;

    private Past(ulong mark) => _mark = mark;

    /// <summary>From here on, things can be forgotten.</summary>
    public static Past Begin() => new(Atomics.BeginPast());

    /// <summary>
    /// Says that what the calling thread does next, and ever after, depends on nothing that it has read from shared memory since the past
    /// began, nor on how often it did so, but on the place that this is called from.
    /// </summary>
    /// <param name="kept">The exception: a value that tells all that is still of interest, the place included where there are several.</param>
    public void Forget(ulong kept = 0) => Atomics.ForgetPast(_mark, kept);
}
