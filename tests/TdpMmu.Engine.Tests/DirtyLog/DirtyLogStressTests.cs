using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.DirtyLog;

/// <summary>
/// A copy of a guest's memory that is kept up to date from the dirty log alone, as a migration keeps it, while the guest writes and
/// mappings are taken away under it.
/// </summary>
public sealed class DirtyLogStressTests : EngineTest
{
    private const ulong Base = 0x40000;
    private const int Pages = 200;
    private const int WordsPerPage = 512;
    private const int Milliseconds = 400;

    private static readonly Gpa s_base = new Gfn(Base).Address;

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_copy_that_follows_the_log_misses_no_write(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2, permits: 2));
        var memory = Own(NativeHostMemory.Create(Pages));
        var slot = machine.AddSlot(s_base, memory);
        machine.StartDirtyLog(slot);
        var copy = new ulong[Pages * WordsPerPage];
        var bitmap = new ulong[slot.DirtyLogWords];
        var gate = new Lock();
        var end = Environment.TickCount64 + Milliseconds;
        var ended = 0;
        Within(60, () =>
        {
            var harvester = Start(() =>
            {
                while (Volatile.Read(ref ended) == 0)
                {
                    lock (gate)
                    {
                        Follow(machine, slot, bitmap, copy);
                    }

                    Thread.Yield();
                }
            });
            var zapper = Start(() => Zap(machine, slot, ref ended));
            try
            {
                for (var round = 1UL; Environment.TickCount64 < end; round++)
                {
                    var value = round;
                    machine.Run(vcpu => Write(vcpu, value), Token);
                    lock (gate)
                    {
                        // Few writes a round, and nobody writes now: what the log leaves out is not covered up by the next write.
                        Follow(machine, slot, bitmap, copy);
                        CheckCopy(memory, copy, round);
                    }
                }
            }
            finally
            {
                Volatile.Write(ref ended, 1);
                harvester.Join();
                zapper.Join();
            }
        });
    }

    private static void Write(Vcpu vcpu, ulong round)
    {
        var random = new Random((int)round + (vcpu.Index * 7919));
        for (var write = 0; write < 100; write++)
        {
            // A word of its own in a page that both write.
            var address = s_base.Plus(((ulong)random.Next(Pages) * 4096) + ((ulong)vcpu.Index * 8));
            vcpu.Store(address, (round << 16) | (uint)write);
            if (write % 8 == 0)
            {
                _ = vcpu.Load<ulong>(s_base.Plus((ulong)random.Next(Pages) * 4096));
            }
        }
    }

    private static void Zap(VirtualMachine machine, MemorySlot slot, ref int ended)
    {
        var random = new Random(5);
        while (Volatile.Read(ref ended) == 0)
        {
            var range = new GfnRange(new Gfn(Base + (ulong)random.Next(Pages - 20)), 1 + (ulong)random.Next(20));
            switch (random.Next(4))
            {
                case 0:
                    machine.Zap(slot.Range);
                    break;
                case 1:
                    machine.BeginInvalidation(range).Dispose();
                    break;
                default:
                    machine.Zap(range);
                    break;
            }

            // A word that no vCPU writes.
            machine.Write(range.Start.Address.Plus(16), (ulong)random.Next());
        }
    }

    private static void Follow(VirtualMachine machine, MemorySlot slot, ulong[] bitmap, ulong[] copy)
    {
        _ = machine.GetDirtyLog(slot, bitmap);
        foreach (var page in DirtyPages.Of(bitmap))
        {
            for (var word = 0; word < 2; word++)
            {
                copy[((int)page * WordsPerPage) + word] = machine.Read<ulong>(slot.BaseAddress.Plus((page * 4096) + ((ulong)word * 8)));
            }
        }
    }

    private static void CheckCopy(NativeHostMemory memory, ulong[] copy, ulong round)
    {
        for (var page = 0; page < Pages; page++)
        {
            for (var word = 0; word < 2; word++)
            {
                var actual = BitConverter.ToUInt64(memory.Bytes(((ulong)page * 4096) + ((ulong)word * 8), 8));
                Assert.True(copy[(page * WordsPerPage) + word] == actual, $"round {round}: the log left out a write of vCPU {word} to page {page}");
            }
        }
    }

    private static Thread Start(Action action)
    {
        var thread = new Thread(() => action()) { IsBackground = true };
        thread.Start();
        return thread;
    }
}
