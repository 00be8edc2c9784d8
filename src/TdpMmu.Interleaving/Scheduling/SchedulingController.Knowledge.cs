using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <content>What a thread knows where states are compared: what it does next follows from it, and this is looked at.</content>
internal sealed partial class SchedulingController
{
    // By what a thread was told where it goes on, and by what it knows then what it is about to do.
    private readonly Dictionary<ulong, Arrival> _arrivals = [];
    private readonly Dictionary<ulong, ulong> _pendingOf = [];

    // By the mark of a past.
    private readonly Dictionary<ulong, SpinMemory> _spinMemories = [];

    /// <summary>A search begins: what threads do next is not known.</summary>
    internal void BeginComparing()
    {
        _arrivals.Clear();
        _pendingOf.Clear();
        _spinMemories.Clear();
    }

    // The step that was chosen is about to be taken.
    private void Account(ScheduledThread stepping)
    {
        if (stepping.Kind is OperationKind.Withdraw or OperationKind.Readmit)
        {
            for (var region = stepping.Address & ~(Access.RegionBytes - 1); region < stepping.Address + stepping.Size; region += Access.RegionBytes)
            {
                ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_permissions, region, out _);
                var after = PermissionAfter(known, stepping);
                _memoryHash = unchecked(_memoryHash + after - known);
                known = after;
            }
        }

        stepping.Knowledge = KnowledgeAfterStep(stepping);
        stepping.Told = stepping.Knowledge;
        stepping.StoresBefore = stepping.StoresAfter.Count;
    }

    private void AccountWrite(nint address, int size, ulong value)
    {
        if (Arena.IsShared(address))
        {
            _memoryHash = unchecked(_memoryHash + ChangeOf(address, size, value));
        }
        else if (_current is { } self)
        {
            self.PrivateMemory = unchecked(self.PrivateMemory + ChangeOf(address, size, value));
        }
    }

    // Where private memory is and whether it may be used is a part of what a thread goes on with.
    private void AccountPrivate(ReadOnlySpan<ulong> what)
    {
        if (ComparesStates && _current is { } self)
        {
            self.PrivateMemory = HashOf([self.PrivateMemory, HashOf(what)]);
        }
    }

    // Time is a part of it, because limits of waits count from when they begin.
    private ulong KnowledgeAfterStep(ScheduledThread thread) =>
        HashOf([thread.Knowledge == 0 ? thread.Origin : thread.Knowledge, OutcomeOf(thread), (ulong)_clock]);

    // What the thread is told by its next step.
    private ulong OutcomeOf(ScheduledThread thread) => thread.Kind switch
    {
        OperationKind.Load => thread.Buffer.Load(thread.Address, thread.Size),
        OperationKind.Update => RawMemory.Load(thread.Address, thread.Size),
        OperationKind.Park => StaysParked(thread) ? 1UL : 0,
        OperationKind.Resume or OperationKind.AwaitChange or OperationKind.Spin or OperationKind.Join => thread.IsTimedOut ? 1UL : 0,
        OperationKind.Start => (ulong)thread.Joined!.Id,
        OperationKind.ProcessWideFence => _threads.Exists(other => CountStoresSoFar(other, thread) != 0) ? 1UL : 0,
        _ => 0,
    };

    public override ulong BeginPast()
    {
        if (!ComparesStates || Enter(0) is not { } self)
        {
            return 0;
        }

        // Not what it was, so that two pasts which begin at the same step are two.
        self.Knowledge = HashOf([self.Knowledge]);
        if (!_spinMemories.ContainsKey(self.Knowledge))
        {
            _spinMemories.Add(self.Knowledge, self.SpinMemory);
        }

        return self.Knowledge;
    }

    public override void ForgetPast(ulong mark, ulong kept)
    {
        if (ComparesStates && Enter(0) is { } self)
        {
            if (!_spinMemories.TryGetValue(mark, out var memory))
            {
                throw new InvalidOperationException("A thread forgets what it has read itself: the past begins in the same thread.");
            }

            self.SpinMemory = memory;
            self.Knowledge = HashOf([mark, kept, self.PrivateMemory, (ulong)_clock]);
        }
    }

    // A thread has arrived at its next step, which must follow from what it was told.
    private void Arrive(ScheduledThread self)
    {
        if (!ComparesStates || HasDiscovered || self.Knowledge == 0)
        {
            return;
        }

        var pending = PendingOf(self);
        var stores = self.StoresAfter.Count - self.StoresBefore;
        var next = pending;
        for (var store = self.Buffer.Count - stores; store < self.Buffer.Count; store++)
        {
            next = HashBehind(next, self.Buffer[store], false);
        }

        if (!_arrivals.TryGetValue(self.Told, out var arrival))
        {
            arrival = new Arrival(self.Knowledge, next, [.. Enumerable.Range(self.Buffer.Count - stores, stores).Select(store => self.Buffer[store])]);
            _arrivals.Add(self.Told, arrival);
        }

        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_pendingOf, self.Knowledge, out var exists);
        known = exists ? known : pending;
        if (known != pending || arrival.Knowledge != self.Knowledge || arrival.Next != next)
        {
            throw new NondeterminismException(
                $"Threads share more than memory, or need what they forget: {self.Name} was told the same as before, and does something else now.");
        }
    }

    // What the thread is about to do, as far as the operation has it.
    private static ulong PendingOf(ScheduledThread self) => HashOf([
        (ulong)self.Kind, (ulong)self.Address, (ulong)self.Size, (ulong)self.Deadline,
        self.Kind is OperationKind.Start or OperationKind.Join ? (ulong)self.Joined!.Id : 0,
        self.IsCompare || self.Kind is OperationKind.Park or OperationKind.Resume or OperationKind.AwaitChange ? self.Expected : 0,
        self.Kind is OperationKind.Store or OperationKind.FencedStore or OperationKind.Update or OperationKind.Wake ? self.Operand : 0,
        self.Kind == OperationKind.Update && self.Function is { } function ? (ulong)RuntimeHelpers.GetHashCode(function) : 0]);

    /// <summary>What follows a step of a thread, up to its next one.</summary>
    /// <param name="Knowledge">What it knows then.</param>
    /// <param name="Next">A hash of its next step, and of the stores.</param>
    /// <param name="Stores">What it has put into its buffer.</param>
    private sealed record Arrival(ulong Knowledge, ulong Next, StoreBuffer.Entry[] Stores);
}
