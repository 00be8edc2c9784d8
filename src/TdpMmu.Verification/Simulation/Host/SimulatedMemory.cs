namespace TdpMmu.Verification.Simulation;

/// <summary>
/// Guest memory in a simulation: addresses without memory behind them. Loads give zero, stores are forgotten; what the engine keeps about
/// the pages is real.
/// </summary>
internal sealed class SimulatedMemory : HostMemory
{
    private const long GuestBase = 0x1000_0000_0000;
    private const ulong GuestSpan = 0x1000_0000_0000;

    private readonly VirtualTimeController _controller;
    private readonly SharedHost _host;
    private readonly SimulatedSource _source;
    private ulong _touched;

    /// <summary>Places memory at an offset of the span.</summary>
    internal SimulatedMemory(VirtualTimeController controller, SharedHost host, SimulatedSource source, ulong offset, ulong length)
        : base(AddressAt(offset, length), length, FillingFor(source), source == SimulatedSource.Exit ? new FetchingSource(host) : null)
    {
        _controller = controller;
        _host = host;
        _source = source;
        IsBacked = source is SimulatedSource.Exit or SimulatedSource.Resident;
        PopulateUnit = PageGeometry.PageSize * (ulong)controller.Machine.Host.PopulateUnit;
    }

    /// <summary>Whether an address is in the span that has no memory.</summary>
    internal static bool IsGuest(nint address) => (ulong)(address - GuestBase) < GuestSpan;

    /// <summary>What a thread without any MMU does for a missing page: the same host work, and nothing else.</summary>
    internal void BringInWithoutMmu()
    {
        switch (_source)
        {
            case SimulatedSource.Missing:
                _host.HandOver();
                break;
            case SimulatedSource.MissingShared:
                _host.HandOverShared();
                break;
            case SimulatedSource.Anonymous:
                BringInUnit();
                break;
            case SimulatedSource.AnonymousLarge:
                _host.PopulateLarge();
                break;
            case SimulatedSource.Exit:
                _host.Fetch();
                break;
            default:
                break;
        }
    }

    /// <inheritdoc/>
    public override void Populate(ulong offset, ulong length, bool write)
    {
        if (_source == SimulatedSource.Anonymous)
        {
            _host.Populate(length / PageGeometry.PageSize);
            return;
        }

        var page = offset / PageGeometry.PageSize;
        if (!States.TryClaim(page))
        {
            // Another vCPU's fault is being served; this one is woken with it.
            _ = States.WaitWhileInFlight(page, Concurrency.Atomics.NoTimeout);
            return;
        }

        BringInWithoutMmu();
        _ = States.TryPublish(page);
        if (_source == SimulatedSource.AnonymousLarge)
        {
            PublishNeighbours(page);
        }
    }

    /// <inheritdoc/>
    protected internal override void Discard(ulong offset, ulong length)
    {
    }

    // The kernel knows one page of 2 MiB; that the engine knows 512 of them is not charged.
    private void PublishNeighbours(ulong page)
    {
        _controller.IsCharging = false;
        var first = page / PageGeometry.PagesPer2MiB * PageGeometry.PagesPer2MiB;
        for (var neighbour = first; neighbour < Math.Min(first + PageGeometry.PagesPer2MiB, States.PageCount); neighbour++)
        {
            if (States.TryClaim(neighbour))
            {
                _ = States.TryPublish(neighbour);
            }
        }

        _controller.IsCharging = true;
    }

    // A unit comes with the first of its pages.
    private void BringInUnit()
    {
        var unit = PopulateUnit / PageGeometry.PageSize;
        if (_touched++ % unit == 0)
        {
            _host.Populate(unit);
        }
    }

    private static Hva AddressAt(ulong offset, ulong length) => offset + length <= GuestSpan
        ? new Hva((ulong)GuestBase + offset)
        : throw new ArgumentOutOfRangeException(nameof(offset), offset, $"Guest memory ends behind the {GuestSpan} bytes that a simulation has.");

    private static PageFilling FillingFor(SimulatedSource source) => source switch
    {
        SimulatedSource.Resident => PageFilling.Resident,
        SimulatedSource.Exit => PageFilling.FaultingThread,
        SimulatedSource.Anonymous => PageFilling.HostFilled,
        _ => PageFilling.Userfault,
    };
}
