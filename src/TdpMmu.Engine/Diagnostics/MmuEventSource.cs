using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Tracing;
using System.Runtime.CompilerServices;

namespace TdpMmu.Diagnostics;

/// <summary>
/// What the MMU does, as events: <c>dotnet-trace collect --providers TdpMmu-Mmu</c>. When nobody listens, an event costs one
/// predictable branch. Events are written without allocation.
/// </summary>
[EventSource(Name = "TdpMmu-Mmu")]
[UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Every event carries integers only.")]
internal sealed unsafe class MmuEventSource : EventSource
{
    internal static readonly MmuEventSource Log = new();

    /// <summary>Groups of events that a listener can choose.</summary>
    public static class Keywords
    {
        internal const EventKeywords Faults = (EventKeywords)1;
        internal const EventKeywords Entries = (EventKeywords)2;
        internal const EventKeywords Flushes = (EventKeywords)4;
        internal const EventKeywords Invalidations = (EventKeywords)8;
    }

    [Event(1, Level = EventLevel.Informational, Keywords = Keywords.Faults)]
    public void Fault(int participant, ulong gpa, int access, int outcome)
    {
        if (!IsEnabled(EventLevel.Informational, Keywords.Faults))
        {
            return;
        }

        var data = stackalloc EventData[4];
        Set(data, 0, &participant, sizeof(int));
        Set(data, 1, &gpa, sizeof(ulong));
        Set(data, 2, &access, sizeof(int));
        Set(data, 3, &outcome, sizeof(int));
        WriteEventCore(1, 4, data);
    }

    [Event(2, Level = EventLevel.Verbose, Keywords = Keywords.Entries)]
    public void EntryChanged(ulong gfn, int level, ulong before, ulong after)
    {
        if (!IsEnabled(EventLevel.Verbose, Keywords.Entries))
        {
            return;
        }

        var data = stackalloc EventData[4];
        Set(data, 0, &gfn, sizeof(ulong));
        Set(data, 1, &level, sizeof(int));
        Set(data, 2, &before, sizeof(ulong));
        Set(data, 3, &after, sizeof(ulong));
        WriteEventCore(2, 4, data);
    }

    [Event(3, Level = EventLevel.Informational, Keywords = Keywords.Flushes)]
    public void TlbFlush(int participant, ulong number, long nanoseconds)
    {
        if (!IsEnabled(EventLevel.Informational, Keywords.Flushes))
        {
            return;
        }

        var data = stackalloc EventData[3];
        Set(data, 0, &participant, sizeof(int));
        Set(data, 1, &number, sizeof(ulong));
        Set(data, 2, &nanoseconds, sizeof(long));
        WriteEventCore(3, 3, data);
    }

    [Event(4, Level = EventLevel.Informational, Keywords = Keywords.Invalidations)]
    public void Invalidation(int participant, ulong startGfn, ulong frames, long nanoseconds)
    {
        if (!IsEnabled(EventLevel.Informational, Keywords.Invalidations))
        {
            return;
        }

        var data = stackalloc EventData[4];
        Set(data, 0, &participant, sizeof(int));
        Set(data, 1, &startGfn, sizeof(ulong));
        Set(data, 2, &frames, sizeof(ulong));
        Set(data, 3, &nanoseconds, sizeof(long));
        WriteEventCore(4, 4, data);
    }

    // SAFETY: the pointed-to parameter lives on the caller's frame, which outlives the write.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [NonEvent]
    private static void Set(EventData* data, int index, void* value, int size)
    {
        data[index].DataPointer = (nint)value;
        data[index].Size = size;
    }
}
