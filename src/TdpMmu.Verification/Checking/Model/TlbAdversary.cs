using TdpMmu.Concurrency;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>
/// Every vCPU's TLB at its worst: it keeps every translation that the tables ever had, upper-level entries included, and uses it until a
/// request that was raised after the translation was taken away is sure to be seen.
/// </summary>
/// <remarks>
/// <para>A vCPU compares the request inside its window before it uses a translation. When the request is raised, a vCPU whose window is
/// closed (in its own eyes: its store may still be in its buffer) compares later and sees it. One whose window is open may have compared
/// before, and uses old translations until whoever relies on it knows that the window's word has shown another value: one that was stored
/// after the request was raised, not one that was waiting in the buffer then.</para>
/// <para>What was before is said by the order of steps and not by the order in time, so that one execution answers for all those that are
/// equivalent to it.</para>
/// <para>The model needs no choices of its own: it knows at any moment which translations could still be used, and is asked where
/// somebody relies on none being left.</para>
/// </remarks>
internal sealed class TlbAdversary
{
    private readonly Execution _execution;
    private readonly List<Removal> _removals = [];
    private readonly List<Raise>[] _raises;
    private readonly nint[] _windows;
    private readonly Dictionary<nint, int> _requestOf = [];
    private readonly int[] _threads;
    private long _now;

    internal TlbAdversary(Execution execution, ParticipantTable participants, nint knowledge)
    {
        _execution = execution;
        _raises = new List<Raise>[participants.VcpuCount];
        _windows = new nint[participants.VcpuCount];
        _threads = new int[participants.VcpuCount];
        for (var vcpu = 0; vcpu < participants.VcpuCount; vcpu++)
        {
            _raises[vcpu] = [];
            _threads[vcpu] = -1;
            _windows[vcpu] = participants.Window(vcpu).Address;
            _requestOf[participants.Request(vcpu).Address] = vcpu;
            execution.Watch(participants.Request(vcpu).Address, sizeof(ulong), knowledge);
        }
    }

    /// <summary>Says which thread runs a vCPU, from which moment on its TLB counts.</summary>
    internal void Run(int vcpu, int thread) => _threads[vcpu] = thread;

    /// <summary>The moment, on the scale of <see cref="Removal.At"/>.</summary>
    internal long Now => _now;

    /// <summary>A translation was taken away, or lost a right, or a table was cut off.</summary>
    /// <param name="what">The translation.</param>
    /// <returns>The moment.</returns>
    internal long Remove(in Removal what)
    {
        Remove(what, ++_now);
        return _now;
    }

    /// <summary>As above, at an earlier moment.</summary>
    internal void Remove(in Removal what, long at) => _removals.Add(what with { At = at, By = _execution.CurrentThread });

    /// <summary>Notes a write: it may raise a vCPU's request.</summary>
    internal void Written(nint address)
    {
        if (_requestOf.TryGetValue(address, out var vcpu))
        {
            _raises[vcpu].Add(new Raise(++_now, _execution.NextStep, RawMemory.Load(_windows[vcpu], sizeof(ulong))));
        }
    }

    /// <summary>Fails if some vCPU could still use a translation that was taken away and that the predicate picks.</summary>
    /// <param name="why">Who relies on it.</param>
    /// <param name="picks">Which translations.</param>
    internal void RequireNone(string why, Func<Removal, bool> picks)
    {
        foreach (var removal in _removals)
        {
            if (!picks(removal))
            {
                continue;
            }

            for (var vcpu = 0; vcpu < _raises.Length; vcpu++)
            {
                if (_threads[vcpu] >= 0 && UseOf(vcpu, removal) is { } use)
                {
                    throw new FindingException($"Stale TLB: {why}, but vCPU {vcpu} may still use {removal.Describe()}: {use}.");
                }
            }
        }
    }

    private string? UseOf(int vcpu, in Removal removal)
    {
        var wasAsked = false;
        foreach (var raise in _raises[vcpu])
        {
            if (raise.At > removal.At)
            {
                wasAsked = true;
                if (HasSeen(vcpu, raise))
                {
                    return null;
                }
            }
        }

        return wasAsked ? "its window was open when it was asked to flush, and has not been closed since" : "it was not asked to flush since";
    }

    // Whether the vCPU compares the request before it uses its TLB again.
    private bool HasSeen(int vcpu, in Raise raise)
    {
        ulong? window = null;
        foreach (var store in _execution.StoresOf(_threads[vcpu], _windows[vcpu], raise.Step, _execution.LastStep))
        {
            window ??= 0;
            if (store.IsMadeBefore)
            {
                window = store.Value;
            }
            else if (store.IsInMemoryBefore && store.Value != window)
            {
                return true;
            }
        }

        // Where nobody but the vCPU uses the window's word, its stores are no steps, and all that is known of it is what is there.
        return window is { } last ? (last & 1) == 0 : (raise.Window & 1) == 0 || RawMemory.Load(_windows[vcpu], sizeof(ulong)) != raise.Window;
    }

    /// <summary>What a TLB may keep although the tables no longer have it.</summary>
    /// <param name="Frames">The guest frames.</param>
    /// <param name="Host">The first host frame; of a table, its own.</param>
    /// <param name="IsTable">Whether it leads to a table.</param>
    /// <param name="Lost">What is not permitted any more.</param>
    /// <param name="LostDirty">Whether writes through it set no dirty bit, which they have to.</param>
    /// <param name="Created">When the tables got it.</param>
    internal readonly record struct Removal(GfnRange Frames, Pfn Host, bool IsTable, GuestAccess Lost, bool LostDirty, long Created)
    {
        /// <summary>When.</summary>
        internal long At { get; init; }

        /// <summary>The thread that took it away.</summary>
        internal int By { get; init; }

        internal string Describe() => IsTable
            ? $"the table that mapped {Frames}"
            : $"the translation of {Frames}{(LostDirty ? " that was dirty" : "")}";
    }

    /// <param name="At">When.</param>
    /// <param name="Step">The step that raised the request.</param>
    /// <param name="Window">What the window's word held in memory.</param>
    private readonly record struct Raise(long At, int Step, ulong Window);
}
