using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Lifetimes;

/// <summary>Faults whose caches hold exactly the tables of one walk, while others cut tables off under them.</summary>
public sealed class TableCacheTests : EngineTest
{
    private const int Vcpus = 4;
    private const ulong Pages = 1024;

    // Far from what the walks need, and so near that caches are filled with what one fault needs and no more.
    private const ulong TableLimit = 512 * PageGeometry.PageSize;

    [Theory, MemberData(nameof(MachineFactory.Some), MemberType = typeof(MachineFactory))]
    public void A_walk_that_loses_to_zaps_takes_no_more_tables_than_it_has(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, Vcpus, permits: 2, tableLimit: TableLimit, tlbEntries: 16));
        var memory = Own(NativeHostMemory.Create(Pages));
        var slot = machine.AddSlot(Address(0), memory);
        var far = machine.AddSlot(new Gpa(1UL << 40), Own(NativeHostMemory.Create(1)));
        var end = Environment.TickCount64 + 250;
        var done = 0;
        Within(60, () =>
        {
            var failure = default(Exception);
            var zappers = new Action[] { () => machine.Zap(new GfnRange(default, machine.Mmu.FrameLimit.Value)), () => Split(machine, slot) }
                .Select(operation => new Thread(() =>
                {
                    while (Volatile.Read(ref done) == 0 && failure is null)
                    {
                        failure = Record.Exception(operation) ?? failure;
                    }
                })).ToList();
            zappers.ForEach(static zapper => zapper.Start());
            try
            {
                machine.Run(
                    vcpu =>
                    {
                        var random = new Random(vcpu.Index);
                        do
                        {
                            vcpu.Store(Address((ulong)random.Next((int)Pages)).Plus((ulong)vcpu.Index * 64), 1);
                            _ = vcpu.Load<int>(far.BaseAddress);
                        }
                        while (Environment.TickCount64 < end);
                    },
                    Token);
            }
            finally
            {
                Volatile.Write(ref done, 1);
                zappers.ForEach(static zapper => zapper.Join());
            }

            Assert.Null(failure);
        });
        Assert.Null(machine.Core.BrokenBecause);
    }

    // With the log on, faults split large mappings; with it off, they make them.
    private static void Split(VirtualMachine machine, MemorySlot slot)
    {
        machine.StartDirtyLog(slot);
        machine.StopDirtyLog(slot);
    }

    private static Gpa Address(ulong page) => new Gfn((1UL << 18) + page).Address;
}
