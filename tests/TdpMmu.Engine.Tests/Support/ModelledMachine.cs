using TdpMmu.Slots;

namespace TdpMmu.Engine.Tests.Support;

/// <summary>A machine with one vCPU and the model beside it: every operation is done on both, and then all of both is compared.</summary>
internal sealed class ModelledMachine
{
    private readonly TreeModel _tree;
    private readonly Dictionary<(NativeHostMemory Memory, ulong Word), ulong> _contents = [];
    private ulong _nextValue = 1;

    internal ModelledMachine(VirtualMachine machine, bool fiveLevels)
    {
        Machine = machine;
        _tree = new TreeModel(fiveLevels ? 5 : 4);
    }

    internal VirtualMachine Machine { get; }

    internal TreeModel Tree => _tree;

    internal SlotModel AddSlot(ulong frame, NativeHostMemory memory, MemorySlotOptions? options = null)
    {
        var slot = Machine.AddSlot(new Gfn(frame).Address, memory, options);
        var host = (memory.BaseAddress.Value + slot.MemoryOffset) >> PageGeometry.PageShift;
        var level = (options?.MaxPageLevel ?? PagingLevel.Page1GiB).Value;
        while (level > 1 && ((frame ^ host) & ((1UL << (9 * (level - 1))) - 1)) != 0)
        {
            level--;
        }

        var model = new SlotModel(slot, level);
        _tree.Slots.Add(model);
        Compare();
        return model;
    }

    internal void DeleteSlot(SlotModel slot)
    {
        Machine.DeleteSlot(slot.Slot);
        _tree.Slots.Remove(slot);
        _tree.Zap(slot.Range);
        Compare();
    }

    /// <summary>The guest writes a new value to a word of a frame; where there is no writable memory it must fail.</summary>
    internal void Write(ulong frame, int word = 0)
    {
        var value = _nextValue++;
        var address = AddressOf(frame, word);
        if (_tree.Access(frame, write: true))
        {
            EngineTest.On(Machine, vcpu => vcpu.Store(address, value));
            _contents[KeyOf(frame, word)] = value;
        }
        else
        {
            Assert.Throws<GuestMemoryException>(() => EngineTest.On(Machine, vcpu => vcpu.Store(address, value)));
        }

        Compare();
    }

    /// <summary>The guest reads a word of a frame and gets what was written last.</summary>
    internal void Read(ulong frame, int word = 0)
    {
        var address = AddressOf(frame, word);
        if (_tree.Access(frame, write: false))
        {
            Assert.Equal(_contents.GetValueOrDefault(KeyOf(frame, word)), EngineTest.On(Machine, vcpu => vcpu.Load<ulong>(address)));
        }
        else
        {
            Assert.Throws<GuestMemoryException>(() => EngineTest.On(Machine, vcpu => vcpu.Load<ulong>(address)));
        }

        Compare();
    }

    internal void Zap(ulong frame, ulong count)
    {
        var range = new GfnRange(new Gfn(frame), count);
        Machine.Zap(range);
        _tree.Zap(range);
        Compare();
    }

    internal void WriteProtect(ulong frame, ulong count, bool keepMmuWritable)
    {
        var range = new GfnRange(new Gfn(frame), count);
        Machine.OnHostLane(lane =>
        {
            Machine.Mmu.WriteProtect(lane, range, keepMmuWritable);
            return true;
        });
        _tree.WriteProtect(range, keepMmuWritable);
        Compare();
    }

    internal void SetSmallPagesOnly(SlotModel slot, bool on)
    {
        var slots = Machine.Core.Slots;
        slots.Gate.Enter();
        slots.ChangeFlags(slot.Slot, on ? SlotFlags.SmallPagesOnly : SlotFlags.None, on ? SlotFlags.None : SlotFlags.SmallPagesOnly);
        slots.Gate.Exit();
        slot.SmallPagesOnly = on;
        Compare();
    }

    /// <summary>An invalidation in which the host does something.</summary>
    internal void Invalidate(ulong frame, ulong count, Action? hostAction = null)
    {
        var range = new GfnRange(new Gfn(frame), count);
        using (Machine.BeginInvalidation(range))
        {
            _tree.Zap(range);
            _tree.Invalidations.Add(range);
            Compare();
            hostAction?.Invoke();
            _tree.Invalidations.Remove(range);
        }

        Compare();
    }

    internal void Discard(ulong frame, ulong count)
    {
        var range = new GfnRange(new Gfn(frame), count);
        Machine.Discard(range.Start.Address, count * PageGeometry.PageSize);
        foreach (var key in _contents.Keys.Where(key => IsDiscarded(key.Memory, key.Word, range)).ToList())
        {
            _contents.Remove(key);
        }

        _tree.Discard(range);
        Compare();
    }

    /// <summary>Compares the whole tree, the counters and the tables with the model.</summary>
    internal void Compare()
    {
        var expected = _tree.Leaves.Select(static leaf => (leaf.Frame, leaf.Level, leaf.Host, leaf.Writable, leaf.Dirty));
        var actual = Machine.Mmu.ListMappings().Select(static mapping => (
            mapping.Frame.Value, mapping.Level.Value, mapping.Host.Value, (mapping.Access & GuestAccess.Write) != 0, mapping.Dirty));
        Assert.Equal(expected, actual);
        Assert.Equal(_tree.TableCount, Machine.Core.Pool.TablesInUse);
        Machine.Mmu.CheckTables();
        var statistics = Machine.GetStatistics();
        Assert.Equal(_tree.Leaves.Count(static leaf => leaf.Level == 1), statistics.Leaves4KiB);
        Assert.Equal(_tree.Leaves.Count(static leaf => leaf.Level == 2), statistics.Leaves2MiB);
        Assert.Equal(_tree.Leaves.Count(static leaf => leaf.Level == 3), statistics.Leaves1GiB);
    }

    private static Gpa AddressOf(ulong frame, int word) => new Gfn(frame).Address.Plus((ulong)word * sizeof(ulong));

    private bool IsDiscarded(NativeHostMemory memory, ulong word, GfnRange range)
    {
        var page = word / 512;
        return _tree.Slots.Exists(slot =>
        {
            var part = slot.Range.Intersect(range);
            return slot.Memory == memory && !part.IsEmpty && page >= slot.PageOf(part.Start.Value) && page - slot.PageOf(part.Start.Value) < part.Count;
        });
    }

    private (NativeHostMemory Memory, ulong Word) KeyOf(ulong frame, int word)
    {
        var slot = _tree.SlotOf(frame)!;
        return (slot.Memory, (slot.PageOf(frame) * 512) + (ulong)word);
    }
}
