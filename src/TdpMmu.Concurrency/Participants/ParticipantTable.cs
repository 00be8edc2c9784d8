using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace TdpMmu.Concurrency;

/// <summary>
/// The native lines of everything that takes part in the protocols: one set per vCPU, and a number of lanes that host
/// threads lease for the length of an operation. Each word has one writer, and words of different writers are on
/// different 128-byte lines.
/// </summary>
/// <remarks>
/// Thread-safe. Participants are named by index: <c>0 .. vcpuCount-1</c> belong to vCPUs for good, the rest are leased
/// with <see cref="LeaseHostLane"/>.
/// <code>
/// line 0 (written by the participant)     +0 section counter  +8 window counter  +16 reference  +24 blocking counter
///                                         +32 lock waits      +40 lock wait nanoseconds
/// line 1 (written by others)              +0 request generation  +8 run-permit state  +16 lease
/// </code>
/// A counter is odd inside and even outside.
/// </remarks>
public sealed unsafe class ParticipantTable : IDisposable
{
    /// <summary>Words from a participant's window to its request, for code that keeps one location of the two.</summary>
    public const int WordsFromWindowToRequest = (NativeBlock.LineBytes - sizeof(ulong)) / sizeof(ulong);

    private const int LinesPerParticipant = 2;
    private const int ParticipantBytes = LinesPerParticipant * NativeBlock.LineBytes;
    private const int GlobalLines = 4;

    private readonly NativeBlock _block;
    private readonly byte* _base;

    /// <summary>Allocates the lines.</summary>
    /// <param name="vcpuCount">Participants that are never leased; 0 or more.</param>
    /// <param name="hostLanes">Participants for host threads; 1 to 4096.</param>
    public ParticipantTable(int vcpuCount, int hostLanes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vcpuCount);
        ArgumentOutOfRangeException.ThrowIfLessThan(hostLanes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hostLanes, 4096);
        VcpuCount = vcpuCount;
        Count = checked(vcpuCount + hostLanes);
        _block = new NativeBlock((nuint)((GlobalLines * NativeBlock.LineBytes) + ((long)Count * ParticipantBytes)));
        _base = (byte*)_block.Pointer;
    }

    /// <summary>All participants.</summary>
    public int Count { get; private set; }

    /// <summary>Participants that belong to vCPUs.</summary>
    public int VcpuCount { get; }

    /// <summary>Two zeroed lines for the state of a lock policy.</summary>
    public AtomicWord LockLines => new(_base);

    /// <summary>The announced section of a participant: what grace periods and policy changes wait for.</summary>
    public AtomicWord Section(int participant) => Word(participant, 0);

    /// <summary>The access window of a participant: what TLB flushes wait for.</summary>
    public AtomicWord Window(int participant) => Word(participant, 8);

    /// <summary>The object that a participant holds on to outside sections, or 0.</summary>
    public AtomicWord Reference(int participant) => Word(participant, 16);

    /// <summary>Requests to a participant: a generation that others raise and that it compares with the last one it served.</summary>
    public AtomicWord Request(int participant) => Word(participant, NativeBlock.LineBytes);

    /// <summary>How often the participant's thread waited for the MMU lock.</summary>
    public AtomicWord LockWaits(int participant) => Word(participant, 32);

    /// <summary>For how many nanoseconds the participant's thread waited for the MMU lock.</summary>
    public AtomicWord LockWaitNanoseconds(int participant) => Word(participant, 40);

    /// <summary>Counts blocking operations of a vCPU, so that an observer can tell one from the next.</summary>
    internal AtomicWord Blocking(int participant) => Word(participant, 24);

    /// <summary>The vCPU's run-permit state.</summary>
    internal AtomicInt PermitState(int participant) => new(Line(participant) + NativeBlock.LineBytes + 8);

    /// <summary>Whether a participant is taken.</summary>
    internal AtomicInt Lease(int participant) => new(Line(participant) + NativeBlock.LineBytes + 16);

    /// <summary>What waiters for a lane park on; the number of waiters is eight bytes behind it.</summary>
    internal AtomicInt FreeSignal => new(_base + (2 * NativeBlock.LineBytes));

    private AtomicInt LaneWaiters => new(_base + (2 * NativeBlock.LineBytes) + 8);

    /// <summary>Whether the participant is inside an announced section.</summary>
    public bool IsInSection(int participant) => (Atomics.LoadRelaxed(Section(participant)) & 1) != 0;

    /// <summary>
    /// Leases a host lane to the calling thread until <see cref="ReturnHostLane"/>. Waits while all lanes are in use.
    /// </summary>
    /// <returns>The participant's index.</returns>
    /// <exception cref="ObjectDisposedException">The table is gone.</exception>
    public int LeaseHostLane()
    {
        ObjectDisposedException.ThrowIf(Count == 0, this);
        if (TryLeaseHostLane(out var lane))
        {
            return lane;
        }

        // Counted before the next look: who gives a lane back either sees the waiter, or gave it back early enough to be found.
        Atomics.Add(LaneWaiters, 1);
        while (true)
        {
            var signal = Atomics.LoadAcquire(FreeSignal);
            if (TryLeaseHostLane(out lane))
            {
                Atomics.Add(LaneWaiters, uint.MaxValue);
                return lane;
            }

            Atomics.Park(FreeSignal, signal);
        }
    }

    /// <summary>Gives a lane back. The participant must be outside sections and windows and hold no reference.</summary>
    /// <param name="participant">What <see cref="LeaseHostLane"/> returned.</param>
    public void ReturnHostLane(int participant)
    {
        // The release keeps the operation's last stores before the moment at which another thread may own the lane.
        Atomics.StoreRelease(Lease(participant), 0);
        Atomics.Add(FreeSignal, 1);
        if (Atomics.LoadRelaxed(LaneWaiters) != 0)
        {
            Atomics.Wake(FreeSignal, 1);
        }
    }

    /// <summary>Whether a participant holds a reference to an object.</summary>
    /// <param name="reference">
    /// The object, withdrawn from lookup before the call, with a rendezvous of all sections in between: references are announced
    /// inside sections, so none to it is taken any more.
    /// </param>
    /// <param name="holder">Who holds it.</param>
    public bool IsReferenced(nint reference, out int holder)
    {
        for (holder = 0; holder < Count; holder++)
        {
            if (Atomics.LoadAcquire(Reference(holder)) == (ulong)reference)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Makes the calling thread the one that runs a vCPU.</summary>
    /// <returns>False if another thread runs it.</returns>
    public bool TryOccupyVcpu(int vcpu) => Atomics.CompareExchange(Lease(vcpu), 1, 0) == 0;

    /// <summary>Ends what <see cref="TryOccupyVcpu"/> began.</summary>
    public void VacateVcpu(int vcpu) => Atomics.StoreRelease(Lease(vcpu), 0);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Every line is behind a check of the count.
        Count = 0;
        _block.Dispose();
    }

    private bool TryLeaseHostLane(out int lane)
    {
        for (lane = VcpuCount; lane < Count; lane++)
        {
            // A lost race means that another thread took this lane; the next one is tried.
            if (Atomics.LoadRelaxed(Lease(lane)) == 0 && Atomics.CompareExchange(Lease(lane), 1, 0) == 0)
            {
                return true;
            }
        }

        return false;
    }

    // SAFETY: the index is checked against Count, so the line lies inside the block, which lives as long as this object.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Line(int participant)
    {
        if ((uint)participant >= (uint)Count)
        {
            ThrowNoParticipant(participant);
        }

        return _base + (GlobalLines * NativeBlock.LineBytes) + ((long)participant * ParticipantBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private AtomicWord Word(int participant, int offset) => new(Line(participant) + offset);

    [DoesNotReturn]
    private void ThrowNoParticipant(int participant) =>
        throw new ArgumentOutOfRangeException(nameof(participant), participant, $"There are {Count} participants.");
}
