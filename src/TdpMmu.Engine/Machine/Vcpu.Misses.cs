using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;
using TdpMmu.Machine;
using TdpMmu.Translation;

namespace TdpMmu;

/// <content>What happens when the TLB does not have the translation.</content>
public sealed unsafe partial class Vcpu
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T LoadMissed<T>(Gpa address)
        where T : unmanaged
    {
        T value;
        if (!FitsPage<T>(address))
        {
            Read(address, MemoryMarshal.AsBytes(new Span<T>(ref Unsafe.AsRef<T>(&value))));
            return value;
        }

        while (!TryLoad(address, out value))
        {
            if (Miss(address, GuestAccess.Read) == MissOutcome.Mmio)
            {
                Emulate(address, new Span<byte>(&value, sizeof(T)), isWrite: false);
                break;
            }
        }

        return value;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void StoreMissed<T>(Gpa address, T value)
        where T : unmanaged
    {
        if (!FitsPage<T>(address))
        {
            Write(address, new ReadOnlySpan<byte>(&value, sizeof(T)));
            return;
        }

        while (!TryStore(address, value))
        {
            if (Miss(address, GuestAccess.Write) == MissOutcome.Mmio)
            {
                Emulate(address, new Span<byte>(&value, sizeof(T)), isWrite: true);
                return;
            }
        }
    }

    // Walks as the processor does, inside a window, and faults until the walk succeeds or the access turns out not to be to memory.
    private MissOutcome Miss(Gpa address, GuestAccess access)
    {
        ThrowIfNotOwner();
        while (true)
        {
            ServeRequests();
            Atomics.StoreRelease(_window, _open);
            var status = WalkStatus.NotPresent;
            var current = Atomics.LoadRelaxed(_request) == _open >> 1;
            if (current)
            {
                status = _mmu.Walk(address.Frame, access, out var host, out var permitted);
                if (status == WalkStatus.Translated)
                {
                    // Inside the window: a flush that begins now waits for it, and its request empties the TLB before the next access.
                    _tlb.Fill(address.Frame, host, permitted);
                }
            }

            CloseWindow();
            if (!current)
            {
                continue;
            }

            if (status == WalkStatus.Translated)
            {
                return MissOutcome.Translated;
            }

            switch (Fault(address, access, present: status == WalkStatus.NotPermitted))
            {
                case FaultOutcome.NoSlot:
                case FaultOutcome.ReadOnly:
                    return MissOutcome.Mmio;
                case FaultOutcome.Poisoned:
                    throw new GuestMemoryException(address, "The page's contents are lost: its source failed or is gone.");
                default:
                    break;
            }
        }
    }

    private FaultOutcome Fault(Gpa address, GuestAccess access, bool present)
    {
        var counters = _core.Counters.Of(Index);
        counters->Faults++;
        var timed = --_untimedFaults < 0;
        var start = 0L;
        if (timed)
        {
            _untimedFaults = _faultTimingInterval - 1;
            start = Atomics.Now;
        }

        FaultOutcome outcome;
        try
        {
            outcome = _mmu.HandleFault(Index, address.Frame, access, present);
        }
        catch (InvariantViolationException violation)
        {
            _core.Break(violation.Message);
            throw;
        }

        if (timed)
        {
            var elapsed = Atomics.Now - start;
            counters->TimedFaults++;
            counters->TimedFaultNanoseconds += (ulong)elapsed;
            counters->FaultLatency.Record(elapsed);
        }

        counters->Retries += outcome == FaultOutcome.Retry ? 1u : 0;
        counters->FastFaults += outcome == FaultOutcome.FastFixed ? 1u : 0;
        counters->SpuriousFaults += outcome == FaultOutcome.Spurious ? 1u : 0;
        if (MmuEventSource.Log.IsEnabled())
        {
            MmuEventSource.Log.Fault(Index, address.Value, (int)access, (int)outcome);
        }

        return outcome;
    }

    // Called outside windows: what others want of this vCPU.
    private void ServeRequests()
    {
        var request = Atomics.LoadAcquire(_request);
        if (request != _open >> 1)
        {
            // Copied before the TLB is emptied: a request that comes in between is seen as new.
            _open = (request << 1) | 1;
            _tlb.Clear();
            _core.Counters.Of(Index)->TlbFlushesServed++;
            _core.Permits.YieldIfAsked(Index);
        }

        var conditions = (MachineConditions)Atomics.LoadRelaxed(_core.Conditions);
        if (conditions != MachineConditions.None)
        {
            ServeConditions(conditions);
        }
    }

    private void ServeConditions(MachineConditions conditions)
    {
        while (true)
        {
            if ((conditions & MachineConditions.Broken) != MachineConditions.None)
            {
                _core.ThrowIfBroken();
            }

            if ((conditions & MachineConditions.Stopping) != MachineConditions.None)
            {
                throw new VcpuStoppedException($"vCPU {Index} was asked to stop.");
            }

            if ((conditions & MachineConditions.BusLocked) == MachineConditions.None || _holdsBusLock)
            {
                return;
            }

            _core.Permits.BeginBlocking(Index);
            Atomics.Park(_core.Conditions, (uint)conditions);
            _core.Permits.EndBlocking(Index);
            conditions = (MachineConditions)Atomics.LoadAcquire(_core.Conditions);
        }
    }

    private void Emulate(Gpa address, Span<byte> data, bool isWrite)
    {
        var handler = _machine.Options.Mmio ?? throw NoMemory(address, isWrite);
        if (_holdsBusLock)
        {
            // All other vCPUs stand still: a handler that waits for one of them would wait for ever.
            throw new GuestMemoryException(address, "A compare-exchange went to memory that is emulated or read-only.");
        }


        _core.Counters.Of(Index)->MmioExits++;
        _core.Permits.BeginBlocking(Index);
        try
        {
            handler(this, address, data, isWrite);
        }
        finally
        {
            _core.Permits.EndBlocking(Index);
        }
    }

    private void EmulateWrite(Gpa address, ReadOnlySpan<byte> source)
    {
        Span<byte> copy = stackalloc byte[source.Length];
        source.CopyTo(copy);
        Emulate(address, copy, isWrite: true);
    }

    private static GuestMemoryException NoMemory(Gpa address, bool isWrite) =>
        new GuestMemoryException(
            address,
            isWrite
                ? $"A write went to an address without writable memory, and {nameof(VirtualMachineOptions)}.{nameof(VirtualMachineOptions.Mmio)} is not set."
                : $"A read went to an address without memory, and {nameof(VirtualMachineOptions)}.{nameof(VirtualMachineOptions.Mmio)} is not set.");

    // Data that the processor cannot compare and exchange as one: all other vCPUs are kept outside their windows meanwhile.
    private T CompareExchangeSplit<T>(Gpa address, T value, T comparand)
        where T : unmanaged
    {
        ThrowIfNotOwner();
        _core.BusGate.Enter(Index);
        _holdsBusLock = true;
        try
        {
            _core.Raise(MachineConditions.BusLocked);
            _core.Rendezvous.WaitForWindows(Index);

            // Both pages before either is written: an operation that is one step fails as a whole.
            RequireWritable(address);
            RequireWritable(address.Plus((ulong)sizeof(T) - 1));
            var old = Load<T>(address);
            var same = new ReadOnlySpan<byte>(&old, sizeof(T)).SequenceEqual(new ReadOnlySpan<byte>(&comparand, sizeof(T)));

            // A locked operation writes in either case, and so needs writable memory in either case.
            Store(address, same ? value : old);
            return old;
        }
        finally
        {
            _holdsBusLock = false;
            _core.Clear(MachineConditions.BusLocked);
            _core.BusGate.Exit();
        }
    }

    private void RequireWritable(Gpa address)
    {
        if (Miss(address, GuestAccess.Write) == MissOutcome.Mmio)
        {
            throw new GuestMemoryException(address, "A compare-exchange went to memory that is emulated or read-only.");
        }
    }

    // SAFETY: locals are pinned by being on this frame; counters are written by this vCPU's thread only.
}
