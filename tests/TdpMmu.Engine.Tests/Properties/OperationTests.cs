using FsCheck;
using FsCheck.Fluent;
using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Properties;

/// <summary>Random sequences of everything that can be done to a machine, against the model, shrunk when they fail.</summary>
public sealed class OperationTests : EngineTest
{
    private const int Kinds = 10;
    private const ulong Base = 0x40000 - 600;

    [Theory, MemberData(nameof(MachineFactory.Some), MemberType = typeof(MachineFactory))]
    public void Any_sequence_leaves_what_the_model_says(string configuration)
    {
        var operation = Gen.Choose(0, Kinds - 1).SelectMany(static kind => Gen.Choose(0, 1799).SelectMany(
            first => Gen.Frequency((3, Gen.Choose(1, 4)), (1, Gen.Choose(500, 1100))).Select(count => (kind, first, count))));
        var sequences = Arb.From(
            operation.ListOf(25).Select(static list => list.ToArray()),
            static sequence => Enumerable.Range(0, sequence.Length).Select(index => sequence.Where((_, position) => position != index).ToArray()));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(12).WithQuietOnSuccess(true), Prop.ForAll(sequences, sequence => Run(configuration, sequence)));
    }

    private static void Run(string configuration, (int Kind, int First, int Count)[] sequence)
    {
        var memories = new NativeHostMemory[]
        {
            NativeHostMemory.Create(1800),
            NativeHostMemory.Create(700, PageFilling.HostFilled, skipPages: 424),
            NativeHostMemory.Create(600, PageFilling.FaultingThread, new ZeroSource(), skipPages: 3),
        };
        using (var machine = MachineFactory.Create(configuration))
        {
            var modelled = new ModelledMachine(machine, MachineFactory.HasFiveLevels(configuration));
            foreach (var (kind, first, count) in sequence)
            {
                Apply(modelled, memories, kind, first, count);
            }

            LeakCheck.IsQuiet(machine);
        }

        foreach (var memory in memories)
        {
            memory.Dispose();
        }
    }

    private static void Apply(ModelledMachine machine, NativeHostMemory[] memories, int kind, int first, int count)
    {
        var frame = Base + (ulong)first;
        switch (kind)
        {
            case 0:
                AddSlot(machine, memories[first % 3], frame, count);
                break;
            case 1 when machine.Tree.Slots.Count != 0:
                machine.DeleteSlot(machine.Tree.Slots[first % machine.Tree.Slots.Count]);
                break;
            case 2:
                machine.Zap(frame, (ulong)count);
                break;
            case 3:
                machine.WriteProtect(frame, (ulong)count, keepMmuWritable: first % 2 == 0);
                break;
            case 4:
                machine.Invalidate(frame, (ulong)count, () => machine.Read(frame + (ulong)count));
                break;
            case 5 when machine.Tree.SlotOf(frame) is { } slot:
                machine.Discard(frame, Math.Min((ulong)count, slot.Range.End.Value - frame));
                break;
            case 6 when machine.Tree.SlotOf(frame) is { } slot:
                machine.SetSmallPagesOnly(slot, on: first % 3 != 0);
                break;
            default:
                for (var step = 0; step < Math.Min(count, 4); step++)
                {
                    var target = frame + (ulong)(step * 300);
                    if (kind % 2 == 0)
                    {
                        machine.Write(target, first % 512);
                    }
                    else
                    {
                        machine.Read(target, first % 512);
                    }
                }

                break;
        }
    }

    // Aligned as the memory is in two of three cases, so that large mappings happen; what does not fit is refused by both sides.
    private static void AddSlot(ModelledMachine machine, NativeHostMemory memory, ulong frame, int count)
    {
        var page = memory.BaseAddress.Value / 4096;
        var start = count % 3 == 0 ? frame : (frame & ~511UL) + (page & 511);
        var options = new MemorySlotOptions { ReadOnly = count % 7 == 0 };
        var range = new GfnRange(new Gfn(start), memory.Length / 4096);
        if (machine.Tree.Slots.Exists(slot => slot.Range.Overlaps(range)))
        {
            Assert.Throws<ArgumentException>(() => machine.Machine.AddSlot(range.Start.Address, memory, options));
            return;
        }

        machine.AddSlot(start, memory, options);
    }

    private sealed class ZeroSource : IPageSource
    {
        public void Fetch(ulong pageIndex, Span<byte> destination, CancellationToken cancellationToken) => destination.Clear();
    }
}
