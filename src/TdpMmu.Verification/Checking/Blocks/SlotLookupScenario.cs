using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using TdpMmu.Slots;

namespace TdpMmu.Verification;

/// <summary>Sections look slots up while others add and remove them.</summary>
internal sealed class SlotLookupScenario() : BlockScenario(
    new Mix("reader+remover", static execution => Look(execution, readers: 1, rounds: 2, removes: true, adds: false)),
    new Mix("reader+reader+remover", static execution => Look(execution, readers: 2, rounds: 1, removes: true, adds: false)),
    new Mix("reader+adder", static execution => Look(execution, readers: 1, rounds: 2, removes: false, adds: true)),
    new Mix("reader+adder+remover", static execution => Look(execution, readers: 1, rounds: 1, removes: true, adds: true)))
{
    private const int Pages = 4;
    private const ulong AddedFrame = 8;

    internal override string Name => "slot-lookup";

    internal override string Summary => "a slot that a section finds is there until the section ends, and its policy is the present one";

    private static void Look(Execution execution, int readers, int rounds, bool removes, bool adds)
    {
        var machine = BlockMachine.Create(execution, readers, lanes: 1);
        var core = machine.Core;
        var memory = new CheckedMemory(execution, 2 * Pages, PageFilling.Resident);
        var shown = NewWord(execution, "what the slot shows");
        var slot = Add(0);
        for (var reader = 0; reader < readers; reader++)
        {
            var participant = reader;
            execution.AddThread($"reader {reader}", () =>
            {
                for (var round = 0; round < rounds; round++)
                {
                    core.Epochs.Enter(participant);
                    Use(core.Slots, participant, 1, shown);
                    if (adds)
                    {
                        Use(core.Slots, participant, AddedFrame, shown: default);
                    }

                    core.Epochs.Leave(participant);
                }
            });
        }

        if (removes)
        {
            execution.AddThread("remover", () =>
            {
                core.Slots.Gate.Enter();
                core.Slots.ChangeFlags(slot, SlotFlags.Deleting, SlotFlags.None);
                Withdraw(shown);
                core.Slots.Remove(slot);
                core.Slots.Gate.Exit();
            });
        }

        if (adds)
        {
            execution.AddThread("adder", () =>
            {
                core.Slots.Gate.Enter();
                _ = Add(AddedFrame);
                core.Slots.Gate.Exit();
            });
        }

        execution.AtEnd(() =>
        {
            Require(core.Slots.All.Count() == 1 + (adds ? 1 : 0) - (removes ? 1 : 0), "The number of slots is wrong.");
            BlockMachine.End(execution, machine, memory);
        });

        MemorySlot Add(ulong frame)
        {
            memory.Attach(machine);
            return core.Slots.Add(memory, new SlotRecord
            {
                BaseFrame = new Gfn(frame),
                PageCount = Pages,
                BaseHost = memory.BaseAddress,
                MaxLevel = PagingLevel.Page4KiB,
            });
        }
    }

    // SAFETY: called inside a section, which is what keeps the record.
    private static unsafe void Use(SlotTable slots, int participant, ulong frame, AtomicWord shown)
    {
        var record = slots.Find(participant, new Gfn(frame));
        if (record is not null && (SlotRecord.LoadFlags(record) & SlotFlags.Deleting) == SlotFlags.None)
        {
            Require(record->Range.Contains(new Gfn(frame)), "A slot is found for a frame that it does not have.");
            Require(slots.SlotOf(record) is not null, "A record is found whose slot is gone.");
            if (shown.Address != 0)
            {
                _ = Atomics.LoadRelaxed(shown);
            }
        }
    }
}
