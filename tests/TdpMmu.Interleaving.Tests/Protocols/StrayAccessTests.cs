namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>
/// vCPUs that are used outside their programs, without the engine's checks: they are off in this assembly, as they are where the engine
/// ships, so that only the access path itself stands between a stray access and memory that is gone.
/// </summary>
public sealed class StrayAccessTests
{
    [Fact]
    public void AVcpuThatDoesNotRunReachesNothing()
    {
        var memory = new Memory();
        var machine = new VirtualMachine(new VirtualMachineOptions());
        machine.AddSlot(default, memory);
        var vcpu = machine.Vcpus[0];
        Refuse<InvalidOperationException>(vcpu);
        vcpu.Run(static running => running.Store(default, 5L));
        Refuse<InvalidOperationException>(vcpu);
        Assert.Equal(5L, machine.Read<long>(default));
        machine.Dispose();
        Refuse<ObjectDisposedException>(vcpu);
        memory.Dispose();
        Refuse<ObjectDisposedException>(vcpu);
    }

    private static void Refuse<T>(Vcpu vcpu)
        where T : Exception
    {
        Assert.Throws<T>(() => vcpu.Load<long>(default));
        Assert.Throws<T>(() => vcpu.Store(default, 9L));
        Assert.Throws<T>(() => vcpu.CompareExchange(default, 9L, 5L));
        Assert.Throws<T>(() => vcpu.CompareExchange(new Gpa(4092), 9L, 5L));
        Assert.Throws<T>(() => vcpu.Read(default, new byte[16]));
        Assert.Throws<T>(() => vcpu.Write(default, new byte[16]));
        Assert.Throws<T>(() => vcpu.FetchInstruction(default));
    }

    // SAFETY: an allocation that is freed once, when no slot shows it any more.
    private sealed unsafe class Memory : HostMemory
    {
        private const int Size = 2 * (int)PageGeometry.PageSize;

        internal Memory()
            : base(new Hva((ulong)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(Size, (nuint)PageGeometry.PageSize)), Size, PageFilling.Resident, source: null) =>
            new Span<byte>((void*)BaseAddress.Value, Size).Clear();

        public override void Populate(ulong offset, ulong length, bool write) => throw new NotSupportedException("All pages are there.");

        protected internal override void Discard(ulong offset, ulong length) => throw new NotSupportedException("No page is given back.");

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            System.Runtime.InteropServices.NativeMemory.AlignedFree((void*)BaseAddress.Value);
        }
    }
}
