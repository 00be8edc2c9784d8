using TdpMmu.Concurrency;
using TdpMmu.Formats;
using TdpMmu.Machine;
using TdpMmu.PageTables;

namespace TdpMmu.Benchmarks;

/// <summary>One thread, ascending frames, tables made on the way: the whole fault handler against an insert without any protocol.</summary>
internal static class ResidentFault
{
    internal const ulong Pages = 1 << 20;

    internal static void Run(int rounds) =>
        new Measurement($"resident fault, one thread, {Pages} ascending pages", "ns/page")
            .Add("bare insert: walk + compare-and-swap", BareInsert)
            .Add("direct + rcu", () => Faults(MmuKind.Direct, LockPolicyKind.Rcu))
            .Add("direct + read-write", () => Faults(MmuKind.Direct, LockPolicyKind.ReadWrite))
            .Add("direct + monolithic", () => Faults(MmuKind.Direct, LockPolicyKind.Monolithic))
            .Add("legacy", () => Faults(MmuKind.Legacy, LockPolicyKind.Rcu))
            .Run(warmups: 2, rounds);

    private static double Faults(MmuKind kind, LockPolicyKind policy)
    {
        using var memory = new ReservedMemory(Pages * PageGeometry.PageSize);
        double result;
        using (var machine = new VirtualMachine(new VirtualMachineOptions { Mmu = kind, Lock = policy }))
        {
            machine.AddSlot(default, memory, new MemorySlotOptions { MaxPageLevel = PagingLevel.Page4KiB });
            Warm(machine.Core.Pool);
            var mmu = machine.Mmu;
            result = Measurement.NanosecondsPer((long)Pages, () =>
            {
                for (ulong frame = 0; frame < Pages; frame++)
                {
                    if (mmu.HandleFault(0, new Gfn(frame), GuestAccess.Write, present: false) != FaultOutcome.Fixed)
                    {
                        throw new InvalidOperationException("A fault was not fixed.");
                    }
                }
            });
        }

        return result;
    }

    // Touches the memory that tables will take, so that the host's own faults are not part of the figure.
    private static void Warm(PageTablePool pool)
    {
        var taken = new List<PageTable>();
        for (var table = 0; table < 2100; table++)
        {
            _ = pool.TryTopUp(0, 1);
            taken.Add(pool.Take(0));
        }

        foreach (var table in taken)
        {
            pool.GiveBack(0, table);
        }
    }

    private static double BareInsert()
    {
        var tables = (int)(Pages / 512) + 16;
        using var block = new NativeBlock((nuint)tables * 4096, 4096);
        nint root;
        unsafe
        {
            // SAFETY: the block outlives the measurement.
            root = (nint)block.Pointer;
        }

        var next = root + 4096;
        return Measurement.NanosecondsPer((long)Pages, () =>
        {
            for (ulong frame = 0; frame < Pages; frame++)
            {
                Insert(root, frame, ref next);
            }
        });
    }

    private static void Insert(nint root, ulong frame, ref nint next)
    {
        var table = new PageTable(root);
        for (var level = 4; level > 1; level--)
        {
            var location = table.Entry((int)(frame >> ((level - 1) * 9)) & 511);
            var entry = Atomics.LoadAcquire(location);
            if (entry == 0)
            {
                var made = Ept<FourLevel>.MakeTable(new PageTable(next).Frame).Value;
                next += 4096;
                entry = Atomics.CompareExchange(location, made, 0) is 0 and var _ ? made : throw new InvalidOperationException("Nobody else inserts.");
            }

            table = PageTable.Of<Ept<FourLevel>>(new Spte(entry));
        }

        var leaf = Ept<FourLevel>.MakeLeaf(new Pfn(frame), PagingLevel.Page4KiB, GuestAccess.Read | GuestAccess.Write | GuestAccess.Execute, true, true);
        _ = Atomics.CompareExchange(table.Entry((int)frame & 511), leaf.Value, 0);
    }
}
