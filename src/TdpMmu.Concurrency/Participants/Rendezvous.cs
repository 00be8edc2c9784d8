namespace TdpMmu.Concurrency;

/// <summary>
/// Waits for participants to pass through the outside of a section or window: the other side of announcements that cost
/// their owner two plain stores.
/// </summary>
/// <remarks>
/// Thread-safe. The caller first publishes what participants must see. One process-wide fence then orders that store
/// before the reads of the counters, and on each participant's processor the counter's store before whatever it read
/// afterwards. So a participant whose counter was even here sees the publication when it next enters, and one whose
/// counter was odd may have missed it and is waited for until the counter changes.
/// </remarks>
public sealed class Rendezvous
{
    private readonly ParticipantTable _participants;

    /// <summary>Creates the rendezvous of a table.</summary>
    /// <param name="participants">Whose counters are watched.</param>
    public Rendezvous(ParticipantTable participants) => _participants = participants;

    /// <summary>
    /// Returns when every announced section that was open at the call has been left. Must not be called inside a section:
    /// two callers would wait for each other.
    /// </summary>
    public void WaitForSections()
    {
        Atomics.ProcessWideFence();
        for (var participant = 0; participant < _participants.Count; participant++)
        {
            Outwait(_participants.Section(participant));
        }
    }

    /// <summary>
    /// Returns when every access window that was open at the call has been closed, the caller's own excepted. The caller has raised the
    /// request of every participant before: a window that opens afterwards holds another value than one that was open at the call.
    /// </summary>
    /// <param name="self">The caller's participant, whose window is closed.</param>
    public void WaitForWindows(int self)
    {
        Atomics.ProcessWideFence();
        for (var participant = 0; participant < _participants.Count; participant++)
        {
            if (participant != self)
            {
                Outwait(_participants.Window(participant));
            }
        }
    }

    /// <summary>Waits for a participant to give a reference up.</summary>
    /// <param name="participant">Who holds it.</param>
    /// <param name="reference">The object.</param>
    /// <param name="timeoutNanoseconds">The longest wait.</param>
    public void WaitForReference(int participant, nint reference, long timeoutNanoseconds)
    {
        var word = _participants.Reference(participant);
        var deadline = Atomics.Now + timeoutNanoseconds;
        for (var step = 1_000L; Atomics.LoadAcquire(word) == (ulong)reference && Atomics.Now < deadline; step *= 2)
        {
            // Nobody wakes this waiter: giving a reference up is one plain store.
            Atomics.Park(word.LowHalf, (uint)(ulong)reference, step);
        }
    }

    private static void Outwait(AtomicWord counter)
    {
        var past = Past.Begin();
        var observed = Atomics.LoadAcquire(counter);
        if ((observed & 1) != 0)
        {
            Atomics.AwaitChange(counter, observed);
        }

        past.Forget();
    }
}
