using TdpMmu.Concurrency;
using TdpMmu.Diagnostics;

namespace TdpMmu.Cli.DemandPaging;

/// <summary>How long host pages took without an MMU, in one histogram per worker on lines of its own.</summary>
// SAFETY: every pointer is to a worker's structure inside the block, which lives until Dispose; workers have ended before that.
internal sealed unsafe class FloorLatencies : IDisposable
{
    private readonly nuint _stride = ((nuint)sizeof(LatencyBuckets) + NativeBlock.LineBytes - 1) / NativeBlock.LineBytes * NativeBlock.LineBytes;
    private readonly NativeBlock _block;
    private readonly int _workers;

    public FloorLatencies(int workers)
    {
        _workers = workers;
        _block = new NativeBlock((nuint)workers * _stride);
    }

    /// <summary>Called by the worker itself.</summary>
    public void Record(int worker, long nanoseconds) => Of(worker)->Record(nanoseconds);

    /// <summary>All workers' latencies. They have ended.</summary>
    public LatencyHistogram Sum()
    {
        var histogram = new LatencyHistogram();
        for (int worker = 0; worker < _workers; worker++)
        {
            histogram.Add(Of(worker));
        }

        return histogram;
    }

    public void Dispose() => _block.Dispose();

    private LatencyBuckets* Of(int worker) => (LatencyBuckets*)((byte*)_block.Pointer + ((nuint)worker * _stride));
}
