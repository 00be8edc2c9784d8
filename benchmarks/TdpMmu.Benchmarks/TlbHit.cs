using System.Runtime.CompilerServices;
using TdpMmu.Linux;

namespace TdpMmu.Benchmarks;

/// <summary>A guest load that hits the TLB, against the same lookup without the access window.</summary>
internal static unsafe class TlbHit
{
    private const int Loads = 50_000_000;
    private const int PagesInUse = 64;

    internal static void Run(int rounds)
    {
        using var memory = MappedMemory.Create(new MappedMemoryOptions { Length = PagesInUse * PageGeometry.PageSize, Filling = PageFilling.Resident, Populate = true });
        using var machine = new VirtualMachine(new VirtualMachineOptions());
        machine.AddSlot(default, memory);
        machine.Vcpus[0].Run(vcpu =>
        {
            for (var page = 0; page < PagesInUse; page++)
            {
                vcpu.Store(new Gpa((ulong)page * PageGeometry.PageSize), (ulong)page);
            }

            var bare = new BareTlb(memory.BaseAddress);
            new Measurement("guest load that hits the TLB", "ns/load")
                .Add("lookup without access window", () => Measurement.NanosecondsPer(Loads, () => LoopBare(bare)))
                .Add("Vcpu.Load<ulong>", () => Measurement.NanosecondsPer(Loads, () => Loop(vcpu)))
                .Run(warmups: 2, rounds);
        });
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Loop(Vcpu vcpu)
    {
        ulong sum = 0;
        for (var load = 0; load < Loads; load++)
        {
            sum += vcpu.Load<ulong>(new Gpa(((ulong)load * 4160) & ((PagesInUse * 4096) - 8)));
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong LoopBare(BareTlb tlb)
    {
        ulong sum = 0;
        for (var load = 0; load < Loads; load++)
        {
            sum += tlb.Load<ulong>(new Gpa(((ulong)load * 4160) & ((PagesInUse * 4096) - 8)));
        }

        return sum;
    }

    /// <summary>The same lookup: request check, tag compare, bounds, access. Only the window is missing.</summary>
    private sealed class BareTlb
    {
        private readonly Translation.Tlb _tlb = new(256);
        private readonly Concurrency.AtomicWord _request;
        private readonly ulong _served;

        internal BareTlb(Hva memory)
        {
            // SAFETY: the word lives as long as the process.
            _request = new Concurrency.AtomicWord(System.Runtime.InteropServices.NativeMemory.AlignedAlloc(128, 128));
            Concurrency.Atomics.StoreRelease(_request, 0);
            _served = 0;
            for (ulong page = 0; page < PagesInUse; page++)
            {
                _tlb.Fill(new Gfn(page), new Pfn(memory.Frame.Value + page), GuestAccess.Read | GuestAccess.Write);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal T Load<T>(Gpa address)
            where T : unmanaged
        {
            if (Concurrency.Atomics.LoadRelaxed(_request) == _served)
            {
                var entry = _tlb.Find(address);
                if (entry->ReadPage == (address.Value & ~4095UL) && address.PageOffset <= 4096 - (ulong)sizeof(T))
                {
                    return Concurrency.Atomics.LoadData<T>(new Concurrency.AtomicBytes(entry->HostPage + (nint)address.PageOffset));
                }
            }

            throw new InvalidOperationException("The lookup missed.");
        }
    }
}
