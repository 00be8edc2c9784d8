using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>
/// The host kernel as a simulated machine's threads see it when pages come in: work on their own processors, the process's memory map with
/// its lock, the one userfaultfd that all may share, and the memory's bandwidth.
/// </summary>
internal sealed class SharedHost
{
    private const int LineDistance = 128;

    private readonly VirtualTimeController _controller;
    private readonly HostCosts _costs;
    private readonly nint _mapLock;
    private readonly nint _lines;
    private readonly Queue<long> _handlerEnds = new();
    private long _handlerBusyUntil;
    private long _memoryBusyUntil;

    internal SharedHost(VirtualTimeController controller)
    {
        _controller = controller;
        _costs = controller.Machine.Host;
        _mapLock = controller.Allocate(LineDistance, LineDistance);
        _lines = controller.Allocate((nuint)Math.Max(1, _costs.RaisedCounts + _costs.SharedLines) * LineDistance, LineDistance);
    }

    /// <summary>Brings pages of anonymous memory in, in one call.</summary>
    internal void Populate(ulong pages) =>
        Work(_costs.Populate + ((pages - 1) * _costs.PopulateNext), _costs.PopulateLockPairs, pages);

    /// <summary>Brings 2 MiB of anonymous memory in as one page.</summary>
    internal void PopulateLarge() => Work(_costs.Populate2M, _costs.PopulateLockPairs, PageGeometry.PagesPer2MiB);

    /// <summary>Brings a page in on the faulting thread, from where its contents are.</summary>
    internal void Fetch() => Work(_costs.Fetch, _costs.FetchLockPairs, 1);

    /// <summary>Has the vCPU's own userfaultfd handler bring a page in. It lives on the vCPU's processor, so its work is that processor's.</summary>
    internal void HandOver() => Work(_costs.Userfault, _costs.UserfaultLockPairs, 1);

    /// <summary>Has the one userfaultfd of all vCPUs bring a page in: of its work, one part at a time.</summary>
    internal void HandOverShared()
    {
        Work(Math.Max(0, _costs.Userfault - _costs.SharedHandler), _costs.UserfaultLockPairs, 1);
        var thread = _controller.Current;
        _controller.AwaitTurn();
        while (_handlerEnds.TryPeek(out var ended) && ended <= thread.Clock)
        {
            _handlerEnds.Dequeue();
        }

        // Who delivers an event looks through all that wait.
        var service = MachineModel.Picoseconds(_costs.SharedHandler + (_costs.SharedHandlerPerWaiter * _handlerEnds.Count));
        _handlerBusyUntil = Math.Max(_handlerBusyUntil, thread.Clock) + service;
        _handlerEnds.Enqueue(_handlerBusyUntil);
        thread.HostTime += _handlerBusyUntil - thread.Clock;
        _controller.Advance(_handlerBusyUntil - thread.Clock);
    }

    private void Work(double nanoseconds, int lockPairs, ulong pages)
    {
        var thread = _controller.Current;
        var start = thread.Clock;
        var part = MachineModel.Picoseconds((nanoseconds + _costs.Exit) / (lockPairs + 1));
        _controller.Advance(part);
        for (var pair = 0; pair < lockPairs; pair++)
        {
            _controller.Add(_mapLock, sizeof(ulong), 1);
            _controller.Advance(part);
            _controller.Add(_mapLock, sizeof(ulong), ulong.MaxValue);
        }

        for (var line = 0; line < _costs.RaisedCounts + _costs.SharedLines; line++)
        {
            var word = _lines + (line * LineDistance);
            if (line < _costs.RaisedCounts)
            {
                Raise(word);
            }
            else
            {
                _controller.Add(word, sizeof(ulong), 1);
            }
        }

        if (_costs.BandwidthPerPage > 0)
        {
            // The work above is what it takes when nobody else uses the memory; the transfers themselves go through one after another.
            _controller.AwaitTurn();
            var began = Math.Max(_memoryBusyUntil, start);
            _memoryBusyUntil = began + MachineModel.Picoseconds(_costs.BandwidthPerPage * pages);
            _controller.Advance(Math.Max(0, _memoryBusyUntil - thread.Clock));
        }

        thread.HostTime += thread.Clock - start;
    }

    // A loser has brought the line for nothing and reads it again.
    private void Raise(nint count)
    {
        for (var seen = _controller.Load(count, sizeof(ulong), MemoryOrder.Relaxed); ;)
        {
            var found = _controller.CompareExchange(count, sizeof(ulong), seen + 1, seen);
            if (found == seen)
            {
                return;
            }

            seen = found;
        }
    }
}
