using TdpMmu.Formats;
using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>What the operations of a scenario have promised and been promised, against which every change of an entry is held.</summary>
internal sealed class MachineRules
{
    private readonly Execution _execution;
    private readonly List<SlotRule> _slots = [];
    private readonly List<GfnRange> _invalidations = [];
    private readonly HashSet<int> _takers = [];

    internal MachineRules(Execution execution) => _execution = execution;

    /// <summary>A slot is about to be there.</summary>
    internal SlotRule Add(GfnRange range, CheckedMemory memory, ulong firstPage, bool readOnly, PagingLevel maxLevel)
    {
        var rule = new SlotRule(range, memory, firstPage, readOnly, maxLevel);
        _slots.Add(rule);
        return rule;
    }

    /// <summary>A slot is gone: nothing maps it any more.</summary>
    internal void Remove(SlotRule slot) => _slots.Remove(slot);

    /// <summary>An invalidation has begun: until it ends nothing maps the range.</summary>
    internal void BeginInvalidation(GfnRange range) => _invalidations.Add(range);

    /// <summary>The invalidation is about to end.</summary>
    internal void EndInvalidation(GfnRange range) => _invalidations.Remove(range);

    /// <summary>The calling thread may take mappings and permissions away until the scope ends. Faults never do (B17).</summary>
    internal IDisposable AllowTakingAway() => new Taking(_takers, _execution.CurrentThread);

    /// <summary>Checks that the calling thread may take something away.</summary>
    internal void CheckTakesAway(GfnRange range, bool dirtyOnly)
    {
        if (_execution.CurrentThread >= 0 && !_takers.Contains(_execution.CurrentThread))
        {
            throw new FindingException($"An operation that may only add permissions takes {(dirtyOnly ? "the dirty bit" : "permissions")} away from {range} (B17).");
        }
    }

    /// <summary>Checks a change of an entry that walks can reach.</summary>
    internal void CheckChange<TFormat>(string place, GfnRange range, PagingLevel level, Spte before, Spte after)
        where TFormat : struct, IPagingFormat
    {
        if (!TFormat.IsPresent(after) || !TFormat.IsLeaf(after, level))
        {
            return;
        }

        var slot = _slots.Find(slot => slot.Range.Contains(range))
            ?? throw new FindingException($"{place} becomes {after} although no slot has {range}.");
        var page = slot.FirstPage + (range.Start.Value - slot.Range.Start.Value);
        if (TFormat.FrameOf(after) != new Hva((ulong)slot.Memory.WordOf(page)).Frame)
        {
            throw new FindingException($"{place} becomes {after}, which does not lead to page {page} of the slot's memory.");
        }

        if (slot.ReadOnly && (TFormat.AccessOf(after) & GuestAccess.Write) != GuestAccess.None)
        {
            throw new FindingException($"{place} becomes writable in a read-only slot (I28).");
        }

        if (level > slot.MaxLevel)
        {
            throw new FindingException($"{place} becomes a larger mapping than the slot allows, {slot.MaxLevel}.");
        }

        var adds = !TFormat.IsPresent(before) || (TFormat.AccessOf(after) & ~TFormat.AccessOf(before)) != GuestAccess.None;
        if (!adds)
        {
            return;
        }

        if (_invalidations.Exists(range.Overlaps))
        {
            throw new FindingException($"{place} becomes {after} inside an invalidation of it (I22).");
        }

        if (slot.LogsDirty && level > PagingLevel.Page4KiB)
        {
            throw new FindingException($"{place} becomes a large mapping while the slot's dirty pages are logged (I30).");
        }

        for (var index = page; index < page + range.Count; index++)
        {
            if (PresenceOf(slot.Memory, index) != PageState.Present)
            {
                throw new FindingException($"{place} becomes {after} although page {index} is {PresenceOf(slot.Memory, index)}.");
            }
        }
    }

    private sealed class Taking : IDisposable
    {
        private readonly HashSet<int> _takers;
        private readonly int _thread;
        private readonly bool _isOutermost;

        internal Taking(HashSet<int> takers, int thread)
        {
            (_takers, _thread) = (takers, thread);
            _isOutermost = takers.Add(thread);
        }

        public void Dispose()
        {
            if (_isOutermost)
            {
                _takers.Remove(_thread);
            }
        }
    }

    private PageState PresenceOf(CheckedMemory memory, ulong page)
    {
        var state = PageState.Missing;
        _execution.Aside(() => state = memory.States.Get(page));
        return state;
    }
}
