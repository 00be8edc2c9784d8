namespace TdpMmu.Engine.Tests.Support;

/// <summary>
/// What the tables of an idle machine must hold after a sequence of operations, computed with dictionaries and no protocol at all:
/// which leaves there are, of which level, and which tables are linked, because a linked table keeps a large mapping from being made.
/// </summary>
internal sealed class TreeModel(int levels)
{
    private readonly SortedDictionary<ulong, Leaf> _leaves = [];
    private readonly HashSet<(int Level, ulong Start)> _tables = [];
    private readonly Dictionary<NativeHostMemory, HashSet<ulong>> _present = [];

    internal List<SlotModel> Slots { get; } = [];

    internal List<GfnRange> Invalidations { get; } = [];

    internal IEnumerable<Leaf> Leaves => _leaves.Values;

    /// <summary>Tables that are linked, the root included.</summary>
    internal int TableCount => _tables.Count + 1;

    internal SlotModel? SlotOf(ulong frame) => Slots.Find(slot => slot.Range.Contains(new Gfn(frame)));

    internal bool IsPresent(SlotModel slot, ulong frame) => PagesOf(slot.Memory).Contains(slot.PageOf(frame));

    /// <summary>The guest accesses a frame.</summary>
    /// <returns>False if the access leaves the machine.</returns>
    internal bool Access(ulong frame, bool write)
    {
        var slot = SlotOf(frame);
        if (slot is null || (write && slot.Slot.IsReadOnly && LeafOf(frame)?.Writable != true))
        {
            return false;
        }

        PagesOf(slot.Memory).Add(slot.PageOf(frame));
        var leaf = LeafOf(frame);
        if (leaf is null)
        {
            Install(slot, frame, write);
        }
        else if (write)
        {
            while (!leaf.Writable && slot.SmallPagesOnly && leaf.Level > 1)
            {
                Split(leaf);
                leaf = LeafOf(frame)!;
            }

            _leaves[leaf.Frame] = leaf with { Writable = true, MmuWritable = true, Dirty = true };
        }

        return true;
    }

    /// <summary>The host brings a page in without mapping it.</summary>
    internal void BringIn(ulong frame) => PagesOf(SlotOf(frame)!.Memory).Add(SlotOf(frame)!.PageOf(frame));

    internal void Zap(GfnRange range)
    {
        foreach (var leaf in _leaves.Values.Where(leaf => Overlaps(leaf, range)).ToList())
        {
            _leaves.Remove(leaf.Frame);
        }

        _tables.RemoveWhere(table => range.Start.Value <= table.Start && table.Start + FramesOf(table.Level) <= range.End.Value);
    }

    internal void WriteProtect(GfnRange range, bool keepMmuWritable)
    {
        foreach (var leaf in _leaves.Values.Where(leaf => Overlaps(leaf, range)).ToList())
        {
            _leaves[leaf.Frame] = leaf with { Writable = false, MmuWritable = leaf.MmuWritable && keepMmuWritable };
        }
    }

    internal void Discard(GfnRange range)
    {
        foreach (var slot in Slots.Where(slot => slot.Range.Overlaps(range)))
        {
            var part = slot.Range.Intersect(range);
            var first = slot.PageOf(part.Start.Value);
            PagesOf(slot.Memory).RemoveWhere(page => page >= first && page - first < part.Count);

            // Wherever else the memory is shown.
            foreach (var other in Slots.Where(other => other.Memory == slot.Memory))
            {
                var offset = other.PageOf(other.Range.Start.Value);
                var start = Math.Max(offset, first);
                var end = Math.Min(offset + other.Range.Count, first + part.Count);
                if (start < end)
                {
                    Zap(new GfnRange(other.Range.Start.Plus(start - offset), end - start));
                }
            }
        }

        Zap(range);
    }

    private static ulong FramesOf(int level) => 1UL << (9 * (level - 1));

    private static bool Overlaps(Leaf leaf, GfnRange range) => leaf.Frame < range.End.Value && range.Start.Value < leaf.End;

    private Leaf? LeafOf(ulong frame)
    {
        for (var level = 1; level <= 3; level++)
        {
            if (_leaves.TryGetValue(frame & ~(FramesOf(level) - 1), out var leaf) && frame < leaf.End)
            {
                return leaf;
            }
        }

        return null;
    }

    private void Install(SlotModel slot, ulong frame, bool write)
    {
        var goal = slot.SmallPagesOnly ? 1 : slot.MaxLevel;
        while (goal > 1 && !Fits(slot, frame, goal))
        {
            goal--;
        }

        for (var level = levels; level > 1; level--)
        {
            if (level <= goal && _tables.Contains((level, frame & ~(FramesOf(level) - 1))))
            {
                goal = level - 1;
            }
        }

        for (var level = goal + 1; level <= levels; level++)
        {
            _tables.Add((level, frame & ~(FramesOf(level) - 1)));
        }

        var start = frame & ~(FramesOf(goal) - 1);
        var writable = !slot.Slot.IsReadOnly;
        _leaves[start] = new Leaf(start, goal, slot.HostOf(start), writable, writable, write);
    }

    private bool Fits(SlotModel slot, ulong frame, int level)
    {
        var frames = FramesOf(level);
        var start = frame & ~(frames - 1);
        if (!slot.Covers(start, frames) || Invalidations.Exists(range => range.Overlaps(new GfnRange(new Gfn(start), frames))))
        {
            return false;
        }

        var pages = PagesOf(slot.Memory);
        var first = slot.PageOf(start);
        for (var page = first; page < first + frames; page++)
        {
            if (!pages.Contains(page))
            {
                return false;
            }
        }

        return true;
    }

    private void Split(Leaf leaf)
    {
        _leaves.Remove(leaf.Frame);
        _tables.Add((leaf.Level, leaf.Frame));
        var frames = FramesOf(leaf.Level - 1);
        for (var index = 0UL; index < 512; index++)
        {
            var start = leaf.Frame + (index * frames);
            _leaves[start] = leaf with { Frame = start, Level = leaf.Level - 1, Host = leaf.Host + (index * frames) };
        }
    }

    private HashSet<ulong> PagesOf(NativeHostMemory memory)
    {
        if (!_present.TryGetValue(memory, out var pages))
        {
            pages = [];
            if (memory.Filling == PageFilling.Resident)
            {
                pages.UnionWith(Enumerable.Range(0, (int)memory.States.PageCount).Select(static page => (ulong)page));
            }

            _present[memory] = pages;
        }

        return pages;
    }
}
