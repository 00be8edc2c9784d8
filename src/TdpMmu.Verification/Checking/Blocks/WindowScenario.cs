using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using TdpMmu.Translation;

namespace TdpMmu.Verification;

/// <summary>vCPUs access a page through their TLBs while it is unmapped, flushed and taken away.</summary>
internal sealed class WindowScenario() : BlockScenario(
    new Mix("vcpu+flusher", static execution => Flush(execution, vcpus: 1, stores: 3, flushers: 1, pages: 1)),
    new Mix("vcpu+vcpu+flusher", static execution => Flush(execution, vcpus: 2, stores: 2, flushers: 1, pages: 1)),
    new Mix("vcpu+flusher+flusher", static execution => Flush(execution, vcpus: 1, stores: 2, flushers: 2, pages: 1)),
    new Mix("vcpu+flusher+flusher-of-another-page", static execution => Flush(execution, vcpus: 1, stores: 3, flushers: 2, pages: 2)))
{
    internal override string Name => "window-and-flush";

    internal override string Summary => "no access through a translation that was flushed, whoever flushed it";

    private static void Flush(Execution execution, int vcpus, int stores, int flushers, int pages)
    {
        execution.ShareOnlyMemory();
        var machine = BlockMachine.Create(execution, vcpus, flushers);
        var core = machine.Core;
        var entries = Enumerable.Range(0, pages).Select(page => NewWord(execution, $"entry {page}", 1)).ToArray();
        var memory = execution.Allocate((nuint)pages * (nuint)PageGeometry.PageSize, (nuint)PageGeometry.PageSize);
        execution.Label(memory, pages * (nint)PageGeometry.PageSize, "pages");
        var mmu = new FewEntriesMmu(core, entries, new Hva((ulong)memory).Frame);
        var parts = new List<IDisposable> { mmu };
        for (var index = 0; index < vcpus; index++)
        {
            var tlb = new Tlb(16);
            parts.Add(tlb);
            var vcpu = new Vcpu(machine, core, mmu, index, tlb);
            execution.AddThread($"vCPU {index}", () => vcpu.Run(running =>
            {
                var past = Past.Begin();
                for (var store = 0UL; store < (ulong)stores; store++)
                {
                    past.Forget(Interest(store, vcpu, tlb, pages));
                    running.Store(new Gpa(store % (ulong)pages * PageGeometry.PageSize), store);
                }
            }));
        }

        for (var flusher = 0; flusher < flushers; flusher++)
        {
            var (lane, page) = (vcpus + flusher, flusher % pages);
            execution.AddThread($"flusher {flusher}", () =>
            {
                // As a walk does it: the debt before the exchange, and where nothing was left to take away, a look at who owes a flush.
                var past = Past.Begin();
                core.Flush.Incur();
                past.Forget();
                if (Atomics.Exchange(entries[page], 0) != 0)
                {
                    core.Flush.Flush(lane);
                }

                past.Forget(1);
                core.Flush.Pay();
                past.Forget(2);
                core.Flush.FlushIfOwed(lane);
                past.Forget(3);
                Atomics.Quarantine(new AtomicBytes(memory + (page * (nint)PageGeometry.PageSize)), sizeof(ulong));
            });
        }

        execution.AtEnd(() =>
        {
            Require(core.Flush.OutstandingDebt == 0, "A flush is owed that nobody will pay.");
            BlockMachine.End(execution, machine, parts);
        });
    }

    // What a vCPU goes on with from one store to the next: which one that is, the request that it served last, and what its TLB has.
    private static unsafe ulong Interest(ulong store, Vcpu vcpu, Tlb tlb, int pages)
    {
        var interest = (vcpu.RequestServed << 8) | (store << 4);
        for (var cached = 0; cached < pages; cached++)
        {
            // SAFETY: the TLB lives until the threads have ended, and an entry is a part of it.
            var address = new Gpa((ulong)cached * PageGeometry.PageSize);
            interest |= tlb.Find(address)->WritePage == address.Value ? 1UL << cached : 0;
        }

        return interest;
    }
}
