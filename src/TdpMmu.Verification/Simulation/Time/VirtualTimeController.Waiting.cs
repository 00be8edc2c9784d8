using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <content>Parking, watching, fences.</content>
internal sealed partial class VirtualTimeController
{
    private readonly Dictionary<nint, List<SimulatedThread>> _parked = [];
    private readonly Dictionary<nint, List<SimulatedThread>> _watching = [];

    public override bool Park(nint address, uint expected, long timeoutNanoseconds)
    {
        if (!IsCharging)
        {
            throw new InvalidOperationException("A thread that sets up or looks cannot wait: nobody else runs.");
        }

        // At the others' time before the look: a wake-up that is earlier in virtual time has happened then.
        Advance(MachineModel.Picoseconds(Machine.Waiting.Park));
        AwaitTurn();
        if (Load(address, sizeof(uint), MemoryOrder.Acquire) != expected)
        {
            return true;
        }

        return WaitFor(_parked, address, timeoutNanoseconds);
    }

    public override void Wake(nint address, int count)
    {
        if (!IsCharging)
        {
            return;
        }

        var waiting = Machine.Waiting;
        if (!_parked.TryGetValue(address, out var parked))
        {
            Advance(MachineModel.Picoseconds(waiting.WakeNobody));
            AwaitTurn();
            if (!_parked.TryGetValue(address, out parked))
            {
                return;
            }
        }
        else
        {
            AwaitTurn();
        }

        var woken = Math.Min(count, parked.Count);
        for (var index = 0; index < woken; index++)
        {
            // Sleepers are woken one after the other, in the order in which they went to sleep.
            var sleeper = parked[index];
            _current.Clock += MachineModel.Picoseconds(waiting.WakeCall);
            var latency = waiting.WakeLatency > 0 ? MachineModel.Picoseconds(waiting.WakeLatency) : _lines.TransferTime(_current, sleeper);
            sleeper.Word = 0;
            Ready(sleeper, _current.Clock + latency);
        }

        parked.RemoveRange(0, woken);
        if (parked.Count == 0)
        {
            _parked.Remove(address);
        }

        Advance(0);
    }

    public override bool AwaitChange(nint address, ulong observed, long timeoutNanoseconds)
    {
        var deadline = timeoutNanoseconds < 0 ? long.MaxValue : _current.Clock + (timeoutNanoseconds * 1000);
        while (true)
        {
            AwaitTurn();
            if (Load(address, sizeof(ulong), MemoryOrder.Acquire) != observed)
            {
                return true;
            }

            if (!IsCharging)
            {
                throw new InvalidOperationException("A thread that sets up or looks cannot wait: nobody else runs.");
            }

            if (_current.Clock >= deadline)
            {
                return false;
            }

            // What hardware does by looking again and again is one look when the word changes.
            _lines.Of(address).Watched = true;
            _current.Observed = observed;
            _ = WaitFor(_watching, address, deadline == long.MaxValue ? -1 : Math.Max(1, (deadline - _current.Clock) / 1000));
        }
    }

    public override void SpinHint() => Advance(_pause);

    public override int SpinRounds(int rounds) => Machine.Waiting.SpinRounds < 0 ? rounds : Math.Min(rounds, Machine.Waiting.SpinRounds);

    public override void ProcessWideFence()
    {
        if (!IsCharging)
        {
            return;
        }

        AwaitTurn();
        var interrupted = 0;
        var handler = MachineModel.Picoseconds(Machine.Interrupt.Handler);
        foreach (var thread in _threads)
        {
            // Threads that sleep are on no processor; those that watch a word spin on theirs.
            if (thread.Place >= 0 && thread.Word == 0)
            {
                interrupted++;
                thread.InterruptTime += handler;
                Ready(thread, thread.Clock + handler);
            }
        }

        var time = MachineModel.Picoseconds(Machine.Interrupt.Base + (Machine.Interrupt.PerCpu * interrupted));
        _current.InterruptTime += time;
        Fences++;
        Advance(time);
    }

    /// <summary>Process-wide fences of the measured part of the run.</summary>
    internal long Fences { get; private set; }

    /// <summary>Waits until <paramref name="count"/> threads have come here, and lets them go at the same virtual time.</summary>
    /// <param name="meeting">The threads that have come.</param>
    /// <param name="count">How many there will be.</param>
    /// <param name="whenAll">What the last one does before any of them goes on.</param>
    internal void Meet(List<SimulatedThread> meeting, int count, Action whenAll)
    {
        meeting.Add(_current);
        if (meeting.Count < count)
        {
            Block();
            return;
        }

        var time = meeting.Max(static thread => thread.Clock);
        ResetStatistics();
        whenAll();
        foreach (var thread in meeting)
        {
            thread.Clock = time;
            if (thread != _current)
            {
                Ready(thread, time);
            }
        }

        meeting.Clear();
        AwaitTurn();
    }

    private void ResetStatistics()
    {
        Fences = 0;
        _lines.ResetStatistics();
        Attribution?.Clear();
        foreach (var thread in _threads)
        {
            thread.Transfers = 0;
            thread.TransferTime = 0;
            thread.InterruptTime = 0;
        }
    }

    // Returns false when the time ran out.
    private bool WaitFor(Dictionary<nint, List<SimulatedThread>> waiters, nint address, long timeoutNanoseconds)
    {
        if (!waiters.TryGetValue(address, out var list))
        {
            waiters[address] = list = [];
        }

        var thread = _current;
        list.Add(thread);
        thread.Word = address;
        thread.TimedOut = false;
        if (timeoutNanoseconds < 0)
        {
            Block();
        }
        else
        {
            BlockFor(Math.Max(1, timeoutNanoseconds) * 1000);
        }

        thread.Word = 0;
        if (thread.TimedOut)
        {
            thread.TimedOut = false;
            list.Remove(thread);
            if (list.Count == 0)
            {
                waiters.Remove(address);
            }

            return false;
        }

        return true;
    }

    // After a write to a line that came from elsewhere: threads that watch a word of it had it in their caches.
    private void NotifyWatchers(nint address)
    {
        ref var line = ref _lines.Of(address);
        if (!line.Watched)
        {
            return;
        }

        line.Watched = false;
        var start = address & ~(nint)(LineTable.LineBytes - 1);
        for (var word = start; word < start + LineTable.LineBytes; word += sizeof(ulong))
        {
            if (!_watching.TryGetValue(word, out var watchers))
            {
                continue;
            }

            var value = RawMemory.Load(word, sizeof(ulong));
            foreach (var watcher in watchers)
            {
                if (watcher.Observed != value)
                {
                    watcher.Word = 0;
                    Ready(watcher, _current.Clock);
                }
                else
                {
                    // It looks again and sees the old value: the writer does not have the line to itself.
                    line.Watched = true;
                    _lines.ShareAgain(address, _current, watcher);
                }
            }

            watchers.RemoveAll(static watcher => watcher.Word == 0);
            if (watchers.Count == 0)
            {
                _watching.Remove(word);
            }
        }
    }
}
