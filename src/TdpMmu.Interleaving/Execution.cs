using System.Numerics;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <summary>One run of an explored program: what the program says about itself while it is arranged.</summary>
/// <remarks>
/// The program is arranged anew for each execution, alone and under control: shared memory comes from <see cref="NativeBlock"/> or
/// <see cref="Allocate"/>, threads from <see cref="AddThread"/>. It must do the same in every execution: no clocks, random numbers or
/// state that is left from the one before.
/// </remarks>
public sealed class Execution
{
    private readonly SchedulingController _controller;
    private readonly List<Action> _checks = [];
    private readonly Stack<IDisposable> _owned = new();

    internal Execution(SchedulingController controller) => _controller = controller;

    /// <summary>Whether stores are buffered.</summary>
    public MemoryModel Memory => _controller.IsBuffered ? MemoryModel.TotalStoreOrder : MemoryModel.SequentiallyConsistent;

    /// <summary>The number of the thread that runs, from 0 in the order of <see cref="AddThread"/>, or -1 outside of threads.</summary>
    public int CurrentThread => _controller.CurrentThread;

    /// <summary>Adds a thread, of at most eight. What <paramref name="body"/> throws is a finding.</summary>
    /// <param name="name">Its name in traces.</param>
    /// <param name="body">What it does.</param>
    public void AddThread(string name, Action body) => _controller.AddThread(name, body);

    /// <summary>Adds a check that runs alone when all threads have ended. What it throws is a finding.</summary>
    /// <param name="check">The check.</param>
    public void AtEnd(Action check) => _checks.Add(check);

    /// <summary>Adds somebody who sees every change of memory.</summary>
    /// <param name="observer">The observer.</param>
    public void AddObserver(IMemoryObserver observer) => _controller.AddObserver(observer);

    /// <summary>
    /// Says that the program's threads share nothing but memory, which they use through <see cref="Atomics"/>: no managed object that one of
    /// them changes and another one looks at, in whatever order. A search for all schedules then runs
    /// executions only to states that none has come to, whichever way it took, which can be far fewer. Told while the execution is arranged.
    /// </summary>
    /// <exception cref="InvalidOperationException">The program has an observer, or watches or excludes memory.</exception>
    public void ShareOnlyMemory() => _controller.ShareOnlyMemory();

    /// <summary>Allocates zeroed memory for the threads to share. It needs not be freed.</summary>
    /// <param name="bytes">Its size.</param>
    /// <param name="alignment">Its alignment, a power of two.</param>
    /// <exception cref="ArgumentException"><paramref name="alignment"/> is no power of two.</exception>
    public nint Allocate(nuint bytes, nuint alignment = NativeBlock.LineBytes) => BitOperations.IsPow2(alignment)
        ? _controller.Arena.Allocate(_controller.CurrentThread + 1, bytes, alignment)
        : throw new ArgumentException($"An alignment is a power of two, and {alignment} is none.", nameof(alignment));

    /// <summary>Names memory in traces.</summary>
    /// <param name="address">Its first byte.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="name">The name; for more than a word, traces add the offset.</param>
    public void Label(nint address, nint bytes, string name) => _controller.Arena.Label(address, bytes, name);

    /// <summary>
    /// Performs operations at once, unseen by the schedule and on memory as it is: without the calling thread's buffered stores.
    /// </summary>
    /// <param name="body">Looks at memory; it must not wait.</param>
    public void Aside(Action body) => _controller.Aside(body);

    /// <summary>
    /// Has operations on these bytes performed at once: they are no scheduling points. For parts of a program that are explored by
    /// themselves and are in the way of what this exploration is about.
    /// </summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <exception cref="ArgumentException">They are not shared memory of the program: neither <see cref="Allocate"/> nor <see cref="NativeBlock"/> gave them.</exception>
    public void Exclude(nint address, nint bytes) => _controller.Exclude(address, bytes);

    /// <summary>
    /// Has every write to these bytes count as a read of a word, for checks of such writes: what they depend on is the program's own
    /// knowledge, which the schedule does not see. A thread that changes that knowledge says so by <see cref="Note"/>, and both orders are explored.
    /// </summary>
    /// <param name="address">The first byte.</param>
    /// <param name="bytes">How many.</param>
    /// <param name="word">The word, which the program allocated.</param>
    /// <exception cref="ArgumentException">Bytes or word are not shared memory of the program.</exception>
    public void Watch(nint address, nint bytes, nint word)
    {
        _controller.Arena.RequireContained(address, (nuint)bytes);
        _controller.Arena.RequireContained(word, sizeof(ulong));
        _controller.Watch(address, bytes, word);
    }

    /// <summary>
    /// Says that what the program knows is about to change or to be looked at. It is in an order with everything that counts as a read of the
    /// word, but not with other notes, and has no effect of its own, on store buffers neither.
    /// </summary>
    /// <param name="word">The word that <see cref="Watch"/> was told.</param>
    /// <exception cref="ArgumentException">The word is not shared memory of the program.</exception>
    public void Note(nint word)
    {
        _controller.Arena.RequireContained(word, sizeof(ulong));
        _controller.Note(word);
    }

    /// <summary>The number of the step that is taken next: while a write is reported, of the step that writes.</summary>
    public int NextStep => _controller.Events.Count;

    /// <summary>The number of the last step of the calling thread; outside of threads one behind all steps.</summary>
    public int LastStep => _controller.CurrentThread < 0 ? _controller.Events.Count : _controller.Threads[_controller.CurrentThread].LastEvent;

    /// <summary>
    /// The stores of a thread to an address, first to last, with where they are in the order of two steps. That order is the same in all
    /// executions that count as equivalent; which of two steps came first is not.
    /// </summary>
    /// <param name="thread">The thread's number.</param>
    /// <param name="address">The address that it stored to.</param>
    /// <param name="step">The number of a step.</param>
    /// <param name="laterStep">The number of another step, or one behind all.</param>
    public IEnumerable<OrderedStore> StoresOf(int thread, nint address, int step, int laterStep) =>
        _controller.StoresOf(_controller.Threads[thread], address, step, laterStep);

    /// <summary>Bytes that <see cref="NativeBlock"/> has allocated in this execution and not freed.</summary>
    public long LiveBytes => _controller.LiveBytes;

    /// <summary>Has something disposed of when the execution is over, after the checks and whether or not it failed; the last comes first.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="owned">What it is.</param>
    /// <returns>The same.</returns>
    public T Own<T>(T owned)
        where T : IDisposable
    {
        _owned.Push(owned);
        return owned;
    }

    internal void Release()
    {
        while (_owned.TryPop(out var owned))
        {
            owned.Dispose();
        }
    }

    internal void RunChecks()
    {
        foreach (var check in _checks)
        {
            check();
        }
    }
}
