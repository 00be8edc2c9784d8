using System.IO.Hashing;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving;

/// <content>
/// The state of a program whose threads share nothing but memory, as a hash: the words that are shared, what may be used of memory, who is parked,
/// and for each thread all that its steps have told it, which decides what it does next, and what is still in its buffer.
/// What a step makes of it is known without taking it.
/// </content>
internal sealed partial class SchedulingController
{
    private readonly Dictionary<nint, ulong> _permissions = [];
    private ulong _memoryHash;
    private ulong _stateHash;

    /// <summary>Whether the program says that its threads share nothing but memory.</summary>
    internal bool SharesOnlyMemory { get; private set; }

    /// <summary>Whether the execution is one of a strategy that <see cref="SearchStrategy.ComparesStates"/>.</summary>
    internal bool ComparesStates { get; private set; }

    /// <summary>As <see cref="Execution.ShareOnlyMemory"/>.</summary>
    internal void ShareOnlyMemory()
    {
        SharesOnlyMemory = true;
        RequireNothingElse();
    }

    /// <summary>
    /// The same for executions that have come to the same state, whatever way they took: from there on they can do the same. Kept only
    /// where <see cref="ComparesStates"/>.
    /// </summary>
    internal ulong HashOfState()
    {
        _stateHash = _memoryHash;
        foreach (var thread in CollectionsMarshal.AsSpan(_threads))
        {
            thread.StateHash = HashAfter(thread, null, null, null);
            _stateHash = unchecked(_stateHash + thread.StateHash);
        }

        return _stateHash;
    }

    /// <summary>
    /// What <see cref="HashOfState"/>, which was asked for last, is once an actor has taken its next step, which it can take; or 0 where that
    /// is not known, because no thread was told by memory yet what this one will have been told, or because the step is a finding.
    /// </summary>
    internal ulong HashAfter(int actor)
    {
        var thread = _threads[actor & (ScheduledThread.Most - 1)];
        if (actor >= ScheduledThread.Most)
        {
            var oldest = thread.Buffer.Oldest;
            return IsRefused(thread, oldest) ? 0 : HashAfter(null, thread, null, ChangeBy(oldest.Address, oldest.Size, oldest.Value));
        }

        return !IsRefused(thread) && _arrivals.TryGetValue(KnowledgeAfterStep(thread), out var arrival) ? HashAfter(thread, null, arrival, ChangeBy(thread)) : 0;
    }

    // The state after a step of a thread, which ends as it says in the arrival, or of a thread's buffer.
    private ulong HashAfter(ScheduledThread? stepping, ScheduledThread? flushing, Arrival? arrival, ulong change)
    {
        var hash = unchecked(_stateHash + change);
        foreach (var thread in CollectionsMarshal.AsSpan(_threads))
        {
            // Others change only in what waits for this step: whether they are parked, and for how many stores a fence waits.
            if (thread == stepping || thread == flushing || thread.Kind is OperationKind.Resume or OperationKind.ProcessWideFenceEnd)
            {
                hash = unchecked(hash + HashAfter(thread, stepping, flushing, arrival) - thread.StateHash);
            }
        }

        return hash;
    }

    private ulong HashAfter(ScheduledThread thread, ScheduledThread? stepping, ScheduledThread? flushing, Arrival? arrival)
    {
        var steps = thread == stepping;
        var knowledge = steps ? arrival!.Knowledge : thread.Knowledge;
        if (knowledge == 0)
        {
            // That it exists follows from what the thread knows that started it, which does not forget that.
            return 0;
        }

        const int Fields = 3;
        Span<ulong> state = stackalloc ulong[Fields + ScheduledThread.Most];
        state.Clear();
        state[0] = (ulong)thread.Id;
        state[1] = knowledge;
        state[2] = IsParkedAfter(thread, stepping) ? RankAfter(thread, stepping) : !steps && IsWokenBy(thread, stepping) ? ulong.MaxValue : 0;
        if (thread.Kind == (steps ? OperationKind.ProcessWideFence : OperationKind.ProcessWideFenceEnd))
        {
            for (var index = 0; index < _threads.Count; index++)
            {
                var other = _threads[index];
                var awaited = steps ? CountStoresSoFar(other, thread) : index < thread.Awaited.Length ? thread.Awaited[index] : 0;
                state[Fields + index] = (ulong)Math.Max(0, awaited - other.Flushes.Count - (other == flushing ? 1 : 0));
            }
        }

        var hash = HashOf(state);
        var taken = thread.Steps + (steps ? 1 : 0);
        for (var store = thread == flushing ? 1 : 0; store < thread.Buffer.Count; store++)
        {
            hash = HashBehind(hash, thread.Buffer[store], thread.StoresAfter[thread.Flushes.Count + store] < taken);
        }

        foreach (var entry in steps ? arrival!.Stores : [])
        {
            hash = HashBehind(hash, entry, false);
        }

        return hash;
    }

    // Whether its thread has taken a step since is of interest to process-wide fences.
    private static ulong HashBehind(ulong hash, StoreBuffer.Entry store, bool isFollowed) =>
        HashOf([hash, (ulong)store.Address, (ulong)store.Size, store.Value, isFollowed ? 1UL : 0]);

    /// <summary>
    /// Whether the next step of an actor, which it can take, commutes with all that others can do before it: it touches nothing, and no store
    /// is behind it of which a process-wide fence would want to know whether its thread has gone on.
    /// </summary>
    internal bool IsLocal(int actor) => actor < ScheduledThread.Most && _threads[actor] is { Buffer.IsEmpty: true } thread && thread.Kind switch
    {
        OperationKind.Begin or OperationKind.End or OperationKind.Fence or OperationKind.ProcessWideFenceEnd => true,
        OperationKind.Update or OperationKind.FencedStore or OperationKind.Park or OperationKind.Wake => !thread.TouchesMemory,
        OperationKind.Resume => thread is { HasLimit: false } && !Arena.IsWithdrawable(thread.Address),
        _ => false,
    };

    private static bool StaysParked(ScheduledThread thread) => RawMemory.Load(thread.Address, thread.Size) == thread.Expected;

    // Stores after which their thread has taken a step: the others may be put off, as where the order of steps decides.
    private static int CountStoresSoFar(ScheduledThread thread, ScheduledThread fencing)
    {
        var steps = thread.Steps;
        var count = thread.StoresAfter.Count;
        while (thread != fencing && count > 0 && thread.StoresAfter[count - 1] >= steps)
        {
            count--;
        }

        return count > thread.Flushes.Count ? count : 0;
    }

    private static bool IsQueued(ScheduledThread thread) => thread is { Kind: OperationKind.Resume, IsPoint: true, IsWoken: false, IsFinished: false };

    private bool IsParkedAfter(ScheduledThread thread, ScheduledThread? stepping) => thread == stepping
        ? thread is { Kind: OperationKind.Park, IsPoint: true } && StaysParked(thread)
        : IsQueued(thread) && !IsWokenBy(thread, stepping);

    private bool IsWokenBy(ScheduledThread thread, ScheduledThread? stepping) => thread.Kind == OperationKind.Resume && (thread.IsWoken
        || (stepping is { Kind: OperationKind.Wake } && stepping.Address == thread.Address && IsQueued(thread) && RankAfter(thread, null) <= stepping.Operand));

    // The place among those who are parked on the same word, from 1.
    private ulong RankAfter(ScheduledThread thread, ScheduledThread? stepping)
    {
        var rank = 1UL;
        foreach (var other in CollectionsMarshal.AsSpan(_threads))
        {
            rank += other != thread && other != stepping && other.Address == thread.Address && IsParkedAfter(other, stepping)
                && (thread == stepping || other.ParkNumber < thread.ParkNumber) ? 1UL : 0;
        }

        return rank;
    }

    // By how much a step changes the hash of memory and of what may be used of it.
    private ulong ChangeBy(ScheduledThread stepping)
    {
        switch (stepping.Kind)
        {
            case OperationKind.Store or OperationKind.FencedStore:
                return ChangeBy(stepping.Address, stepping.Size, stepping.Operand);
            case OperationKind.Update:
                var before = RawMemory.Load(stepping.Address, stepping.Size);
                return stepping.Function is { } function ? ChangeBy(stepping.Address, stepping.Size, function(before, stepping.Operand))
                    : before == stepping.Expected ? ChangeBy(stepping.Address, stepping.Size, stepping.Operand)
                    : 0;
            case OperationKind.Withdraw or OperationKind.Readmit:
                var change = 0UL;
                for (var region = stepping.Address & ~(Access.RegionBytes - 1); region < stepping.Address + stepping.Size; region += Access.RegionBytes)
                {
                    var known = _permissions.GetValueOrDefault(region);
                    change = unchecked(change + PermissionAfter(known, stepping) - known);
                }

                return change;
            default:
                return 0;
        }
    }

    // What was done to a region, in its order.
    private static ulong PermissionAfter(ulong known, ScheduledThread stepping) =>
        HashOf([known, (ulong)stepping.Id, (ulong)stepping.Kind, (ulong)stepping.Address, (ulong)stepping.Size]);

    // What only one thread writes and reads follows from what it knows.
    private ulong ChangeBy(nint address, int size, ulong value) => Arena.IsShared(address) ? ChangeOf(address, size, value) : 0;

    private static ulong ChangeOf(nint address, int size, ulong value)
    {
        var word = address & ~(WordBytes - 1);
        var shift = (int)(address - word) * 8;
        var before = RawMemory.Load(word, WordBytes);
        var after = (before & ~(MaskOf(size) << shift)) | ((value & MaskOf(size)) << shift);
        return unchecked(HashOf([(ulong)word, after]) - HashOf([(ulong)word, before]));
    }

    private static ulong HashOf(ReadOnlySpan<ulong> values) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes(values));

    private void RequireNothingElse()
    {
        if (SharesOnlyMemory && (_observers.Count != 0 || _watched.Count != 0 || _excludes))
        {
            throw new InvalidOperationException("A program whose threads share nothing but memory has no observers, and neither watches memory nor excludes it: what they would know is shared, too.");
        }
    }
}
