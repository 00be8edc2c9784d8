using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;
using TdpMmu.Machine;
using TdpMmu.Translation;

namespace TdpMmu;

/// <summary>A virtual processor: the way in which guest code reaches guest memory.</summary>
/// <remarks>
/// <para>A vCPU belongs to the thread that runs it, in <see cref="Run"/> or <see cref="VirtualMachine.Run"/>; its members are
/// called from there only. An access that finds its translation in the TLB takes one to two nanoseconds; it is made inside an access
/// window, two plain stores that let a TLB flush know when it is over.</para>
/// <para>Accesses of 1, 2, 4 and 8 bytes are atomic where naturally aligned. Any access may cross pages.</para>
/// <para>Members throw <see cref="GuestMemoryException"/> for memory that is poisoned, or that is not there on a machine without an
/// MMIO handler, and <see cref="VcpuStoppedException"/> when the machine stops.</para>
/// </remarks>
public sealed unsafe partial class Vcpu
{
    private const ulong NeverServed = ulong.MaxValue;

    // SAFETY: two zeroed lines that live as long as the process.
    private static readonly AtomicWord s_nowhere = new(NativeMemory.AllocZeroed(2 * NativeBlock.LineBytes));

    private const ulong PageMask = ~(PageGeometry.PageSize - 1);

    private readonly VirtualMachine _machine;
    private readonly MachineCore _core;
    private readonly Mmu _mmu;
    private readonly Tlb _tlb;

    // The vCPU's own window while it runs. Before and after it is a word that nobody watches, with a value that matches no request: an access
    // from outside a program then misses, and is refused where the owner is looked at.
    private AtomicWord _window = s_nowhere;
    private readonly AtomicWord _request;
    private readonly int _faultTimingInterval;

    // What the window holds while it is open: odd, and different after each request that was served. A flusher raises the request first,
    // so a window that it finds open either closes for good or opens again with another value; no counter needs to be read, increased and
    // stored for each access, which would tie every access to the one before.
    private ulong _open = NeverServed;
    private int _ownerThread;
    private int _untimedFaults;
    private bool _holdsBusLock;

    internal Vcpu(VirtualMachine machine, MachineCore core, Mmu mmu, int index, Tlb tlb)
    {
        _machine = machine;
        _core = core;
        _mmu = mmu;
        _tlb = tlb;
        _request = core.Participants.Request(index);
        _faultTimingInterval = machine.Options.FaultTimingInterval;
        Index = index;
    }

    /// <summary>The vCPU's number, from 0.</summary>
    public int Index { get; }

    /// <summary>The request that the vCPU served last.</summary>
    internal ulong RequestServed => _open >> 1;

    /// <summary>The machine that the vCPU belongs to.</summary>
    public VirtualMachine Machine => _machine;

    /// <summary>Reads a value.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="address">Where it lies; any alignment.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public T Load<T>(Gpa address)
        where T : unmanaged => TryLoad(address, out T value) ? value : LoadMissed<T>(address);

    /// <summary>Writes a value.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="address">Where it goes; any alignment.</param>
    /// <param name="value">The value.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store<T>(Gpa address, T value)
        where T : unmanaged
    {
        if (!TryStore(address, value))
        {
            StoreMissed(address, value);
        }
    }

    /// <summary>
    /// Writes <paramref name="value"/> if memory holds <paramref name="comparand"/>, as one step for all vCPUs. Where the architecture
    /// has no such operation on unaligned or page-crossing data, all other vCPUs are kept from memory meanwhile.
    /// </summary>
    /// <typeparam name="T">A type of 1, 2, 4 or 8 bytes.</typeparam>
    /// <param name="address">Where it lies; any alignment.</param>
    /// <param name="value">What to write.</param>
    /// <param name="comparand">What must be there.</param>
    /// <returns>What was there.</returns>
    /// <exception cref="NotSupportedException"><typeparamref name="T"/> has another size.</exception>
    public T CompareExchange<T>(Gpa address, T value, T comparand)
        where T : unmanaged
    {
        // Before any window is open: whoever throws inside one leaves it open, and flushes wait for it.
        if (sizeof(T) is not (1 or 2 or 4 or 8))
        {
            throw new NotSupportedException($"Compare-exchange works on 1, 2, 4 or 8 bytes; {typeof(T)} has {sizeof(T)}.");
        }

        var aligned = (address.Value & ((ulong)sizeof(T) - 1)) == 0;
        if (!aligned && !(FitsPage<T>(address) && RuntimeInformation.ProcessArchitecture == Architecture.X64))
        {
            return CompareExchangeSplit(address, value, comparand);
        }

        T old;
        while (!TryCompareExchange(address, value, comparand, out old))
        {
            if (Miss(address, GuestAccess.Write) == MissOutcome.Mmio)
            {
                throw new GuestMemoryException(address, "A compare-exchange went to memory that is emulated or read-only.");
            }
        }

        return old;
    }

    /// <summary>Reads bytes. Other vCPUs' writes may be seen in part.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="destination">Where they go.</param>
    public void Read(Gpa address, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            var chunk = (int)Math.Min((ulong)destination.Length, PageGeometry.PageSize - address.PageOffset);
            var part = destination[..chunk];
            while (!TryCopyOut(address, part))
            {
                if (Miss(address, GuestAccess.Read) == MissOutcome.Mmio)
                {
                    Emulate(address, part, isWrite: false);
                    break;
                }
            }

            destination = destination[chunk..];
            address = destination.IsEmpty ? address : Behind(address, chunk);
        }
    }

    /// <summary>Writes bytes. Other vCPUs may see them in part.</summary>
    /// <param name="address">The first byte.</param>
    /// <param name="source">The bytes.</param>
    public void Write(Gpa address, ReadOnlySpan<byte> source)
    {
        while (!source.IsEmpty)
        {
            var chunk = (int)Math.Min((ulong)source.Length, PageGeometry.PageSize - address.PageOffset);
            var part = source[..chunk];
            while (!TryCopyIn(address, part))
            {
                if (Miss(address, GuestAccess.Write) == MissOutcome.Mmio)
                {
                    EmulateWrite(address, part);
                    break;
                }
            }

            source = source[chunk..];
            address = source.IsEmpty ? address : Behind(address, chunk);
        }
    }

    /// <summary>Checks that an instruction may be fetched, faulting its page in if need be.</summary>
    /// <param name="address">The instruction's first byte.</param>
    /// <exception cref="GuestMemoryException">There is no memory that may be executed.</exception>
    public void FetchInstruction(Gpa address)
    {
        if (Miss(address, GuestAccess.Execute) == MissOutcome.Mmio)
        {
            throw new GuestMemoryException(address, "An instruction fetch went to an address without memory.");
        }
    }

    /// <summary>Runs a program on the calling thread, which owns the vCPU meanwhile.</summary>
    /// <param name="program">The guest's code.</param>
    /// <exception cref="InvalidOperationException">The vCPU is running already.</exception>
    public void Run(GuestProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        using var admitted = _machine.Admit();
        if (!_core.Participants.TryOccupyVcpu(Index))
        {
            throw new InvalidOperationException($"vCPU {Index} is running already; a vCPU belongs to one thread at a time.");
        }

        var previous = _machine.EnterVcpuThread();
        _ownerThread = Environment.CurrentManagedThreadId;
        _window = _core.Participants.Window(Index);
        _core.Permits.Acquire(Index);
        var counters = _core.Counters.Of(Index);
        var start = Atomics.Now;
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            ServeRequests();
            program(this);
        }
        finally
        {
            counters->RunNanoseconds += (ulong)(Atomics.Now - start);
            counters->AllocatedBytes += (ulong)(GC.GetAllocatedBytesForCurrentThread() - allocated);
            _core.Permits.Release(Index);
            _ownerThread = 0;
            CloseWindow();
            _open = NeverServed;
            _window = s_nowhere;
            VirtualMachine.LeaveVcpuThread(previous);
            _core.Participants.VacateVcpu(Index);
        }
    }

    /// <summary>What the vCPU has counted so far.</summary>
    public VcpuStatistics GetStatistics()
    {
        using var admitted = _machine.Admit();
        return new VcpuStatistics(_core, Index);
    }

    // SAFETY: between the two stores to the window the translation that was found stays valid: whoever takes it away raises the
    // request first, fences, and waits for the window to close before memory is released. Lines and TLB live as long as the machine.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryLoad<T>(Gpa address, out T value)
        where T : unmanaged
    {
        CheckOwner();
        var window = _window;
        var open = _open;

        // Volatile on both edges: the compiler neither moves the access out nor merges neighbouring windows. The processor may let
        // this store pass the loads below; the flusher's process-wide fence makes up for that.
        Atomics.StoreRelease(window, open);
        if (Atomics.LoadRelaxed(window.At(ParticipantTable.WordsFromWindowToRequest)) == open >> 1)
        {
            var entry = _tlb.Find(address);
            if (entry->ReadPage == (address.Value & PageMask) && FitsPage<T>(address))
            {
                value = Atomics.LoadData<T>(new AtomicBytes(entry->HostPage + (nint)address.PageOffset));
                Atomics.StoreRelease(window, open - 1);
                return true;
            }
        }

        Atomics.StoreRelease(window, open - 1);
        value = default;
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryStore<T>(Gpa address, T value)
        where T : unmanaged
    {
        CheckOwner();
        var window = _window;
        var open = _open;
        Atomics.StoreRelease(window, open);
        if (Atomics.LoadRelaxed(window.At(ParticipantTable.WordsFromWindowToRequest)) == open >> 1)
        {
            var entry = _tlb.Find(address);
            if (entry->WritePage == (address.Value & PageMask) && FitsPage<T>(address))
            {
                Atomics.StoreData(new AtomicBytes(entry->HostPage + (nint)address.PageOffset), value);
                Atomics.StoreRelease(window, open - 1);
                return true;
            }
        }

        Atomics.StoreRelease(window, open - 1);
        return false;
    }

    // The first comparison folds: no type larger than a page passes, however small its offset.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool FitsPage<T>(Gpa address)
        where T : unmanaged => sizeof(T) <= (int)PageGeometry.PageSize && address.PageOffset <= PageGeometry.PageSize - (ulong)sizeof(T);

    private bool TryCompareExchange<T>(Gpa address, T value, T comparand, out T old)
        where T : unmanaged
    {
        old = default;
        var host = OpenWindow(address, GuestAccess.Write);
        if (host != 0)
        {
            old = Atomics.CompareExchangeData(new AtomicBytes(host), value, comparand);
        }

        CloseWindow();
        return host != 0;
    }

    private bool TryCopyOut(Gpa address, Span<byte> destination)
    {
        var host = OpenWindow(address, GuestAccess.Read);
        if (host != 0)
        {
            Atomics.CopyDataOut(new AtomicBytes(host), destination);
        }

        CloseWindow();
        return host != 0;
    }

    private bool TryCopyIn(Gpa address, ReadOnlySpan<byte> source)
    {
        var host = OpenWindow(address, GuestAccess.Write);
        if (host != 0)
        {
            Atomics.CopyDataIn(source, new AtomicBytes(host));
        }

        CloseWindow();
        return host != 0;
    }

    // Opens the window and returns the host address of the byte, or 0 if the TLB does not have it. Closed by CloseWindow either way.
    private nint OpenWindow(Gpa address, GuestAccess access)
    {
        CheckOwner();
        Atomics.StoreRelease(_window, _open);

        // Found from the window: what a vCPU that does not run looks at outlives the machine.
        if (Atomics.LoadRelaxed(_window.At(ParticipantTable.WordsFromWindowToRequest)) != _open >> 1)
        {
            return 0;
        }

        var entry = _tlb.Find(address);
        var page = access == GuestAccess.Write ? entry->WritePage : entry->ReadPage;
        return page == (address.Value & PageMask) ? entry->HostPage + (nint)address.PageOffset : 0;
    }

    private static Gpa Behind(Gpa address, int bytes) => address.Value <= ulong.MaxValue - (ulong)bytes
        ? address.Plus((ulong)bytes)
        : throw new GuestMemoryException(address, "The access runs over the end of the address space.");

    private void CloseWindow() => Atomics.StoreRelease(_window, _open - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckOwner()
    {
        if (EngineChecks.Enabled)
        {
            ThrowIfNotOwner();
        }
    }

    private void ThrowIfNotOwner()
    {
        if (_ownerThread != Environment.CurrentManagedThreadId)
        {
            _machine.Admit().Dispose();
            throw new InvalidOperationException($"vCPU {Index} belongs to the thread that runs it; reach memory from inside its program.");
        }
    }
}
