using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Diagnostics;

/// <summary>The counters of all participants.</summary>
internal sealed unsafe class CounterTable : IDisposable
{
    private readonly NativeBlock _block;
    private readonly byte* _base;
    private readonly int _stride = (sizeof(ParticipantCounters) + NativeBlock.LineBytes - 1) / NativeBlock.LineBytes * NativeBlock.LineBytes;

    internal CounterTable(int participants)
    {
        Count = participants;
        _block = new NativeBlock((nuint)participants * (nuint)_stride);
        _base = (byte*)_block.Pointer;
    }

    internal int Count { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    // SAFETY: the index is a participant's, so the structure lies inside the block, which lives as long as the machine.
    internal ParticipantCounters* Of(int participant) => (ParticipantCounters*)(_base + ((nint)participant * _stride));

    /// <summary>The number of leaves of a level. Exact when nothing runs.</summary>
    internal long LeavesAt(PagingLevel level)
    {
        var total = 0L;
        for (var participant = 0; participant < Count; participant++)
        {
            total += Of(participant)->Leaves[level.Value];
        }

        return total;
    }

    public void Dispose() => _block.Dispose();
}
