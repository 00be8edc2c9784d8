using TdpMmu.Concurrency;

namespace TdpMmu.PageTables;

/// <summary>
/// Per participant, the tables that it has cut off and that some vCPU's TLB may still lead into: they wait here for the flush, and
/// go to the epoch domain after it.
/// </summary>
internal sealed unsafe class UnlinkedTables : IDisposable
{
    private readonly NativeBlock _block;
    private readonly RetireQueue* _queues;
    private readonly int _participants;

    internal UnlinkedTables(int participants)
    {
        _participants = participants;
        _block = new NativeBlock((nuint)participants * NativeBlock.LineBytes);
        _queues = (RetireQueue*)_block.Pointer;
    }

    internal void Add(int participant, PageTable table) =>
        Queue(participant)->Enqueue(new RetireQueue.Item { Address = table.Address });

    internal bool TryTake(int participant, out PageTable table)
    {
        table = default;
        var queue = Queue(participant);
        if (queue->Count == 0)
        {
            return false;
        }

        table = new PageTable(queue->Dequeue().Address);
        return true;
    }

    /// <summary>Forgets all tables, whose memory goes with the pool: the machine is broken and nothing runs any more.</summary>
    internal void Abandon()
    {
        for (var participant = 0; participant < _participants; participant++)
        {
            while (TryTake(participant, out _))
            {
            }
        }
    }

    public void Dispose()
    {
        for (var participant = 0; participant < _participants; participant++)
        {
            EngineChecks.Require(Queue(participant)->Count == 0, "no table is cut off and forgotten");
            Queue(participant)->Free();
        }

        _block.Dispose();
    }

    // SAFETY: one queue per participant, on a line of its own inside the block, touched by that participant's thread.
    private RetireQueue* Queue(int participant) => (RetireQueue*)((byte*)_queues + ((nint)participant * NativeBlock.LineBytes));
}
