using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using TdpMmu.Translation;

namespace TdpMmu.Verification;

/// <summary>vCPUs access a page through their TLBs while it is unmapped, flushed and taken away.</summary>
internal sealed class WindowScenario() : BlockScenario(
    new Mix("vcpu+flusher", static execution => Flush(execution, vcpus: 1, stores: 3, flushers: 1)),
    new Mix("vcpu+vcpu+flusher", static execution => Flush(execution, vcpus: 2, stores: 2, flushers: 1)),
    new Mix("vcpu+flusher+flusher", static execution => Flush(execution, vcpus: 1, stores: 2, flushers: 2)))
{
    internal override string Name => "window-and-flush";

    internal override string Summary => "no access through a translation that was flushed, whoever flushed it";

    private static void Flush(Execution execution, int vcpus, int stores, int flushers)
    {
        var machine = BlockMachine.Create(execution, vcpus, flushers);
        var core = machine.Core;
        var entry = NewWord(execution, "entry", 1);
        var address = execution.Allocate((nuint)PageGeometry.PageSize, (nuint)PageGeometry.PageSize);
        execution.Label(address, (nint)PageGeometry.PageSize, "page");
        var mmu = new OneEntryMmu(core, entry, new Hva((ulong)address).Frame);
        var parts = new List<IDisposable> { mmu };
        for (var index = 0; index < vcpus; index++)
        {
            var tlb = new Tlb(16);
            parts.Add(tlb);
            var vcpu = new Vcpu(machine, core, mmu, index, tlb);
            execution.AddThread($"vCPU {index}", () => vcpu.Run(running =>
            {
                for (var store = 1UL; store <= (ulong)stores; store++)
                {
                    running.Store(default, store);
                }
            }));
        }

        for (var flusher = 0; flusher < flushers; flusher++)
        {
            var lane = vcpus + flusher;
            execution.AddThread($"flusher {flusher}", () =>
            {
                // As a walk does it: the debt before the exchange, and where nothing was left to take away, a look at who owes a flush.
                core.Flush.Incur();
                if (Atomics.Exchange(entry, 0) != 0)
                {
                    core.Flush.Flush(lane);
                }

                core.Flush.Pay();
                core.Flush.FlushIfOwed(lane);
                Atomics.Quarantine(new AtomicBytes(address), sizeof(ulong));
            });
        }

        execution.AtEnd(() =>
        {
            Require(core.Flush.OutstandingDebt == 0, "A flush is owed that nobody will pay.");
            BlockMachine.End(execution, machine, parts);
        });
    }
}
