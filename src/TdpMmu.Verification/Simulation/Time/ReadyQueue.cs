namespace TdpMmu.Verification.Simulation;

/// <summary>Threads by their clocks, the one furthest behind first; equal clocks by index, so that the order is the same every time.</summary>
internal sealed class ReadyQueue
{
    private SimulatedThread[] _heap = new SimulatedThread[64];

    internal int Count { get; private set; }

    internal SimulatedThread First => _heap[0];

    internal static bool IsBefore(SimulatedThread left, SimulatedThread right) =>
        left.Due < right.Due || (left.Due == right.Due && left.Index < right.Index);

    internal void Push(SimulatedThread thread)
    {
        if (Count == _heap.Length)
        {
            Array.Resize(ref _heap, Count * 2);
        }

        Rise(Count++, thread);
    }

    internal SimulatedThread Pop()
    {
        var first = _heap[0];
        RemoveAt(0);
        return first;
    }

    internal void Remove(SimulatedThread thread) => RemoveAt(thread.Place);

    private void RemoveAt(int place)
    {
        _heap[place].Place = -1;
        var last = _heap[--Count];
        _heap[Count] = null!;
        if (place == Count)
        {
            return;
        }

        if (place > 0 && IsBefore(last, _heap[(place - 1) / 2]))
        {
            Rise(place, last);
        }
        else
        {
            Sink(place, last);
        }
    }

    private void Rise(int place, SimulatedThread thread)
    {
        while (place > 0 && IsBefore(thread, _heap[(place - 1) / 2]))
        {
            Set(place, _heap[(place - 1) / 2]);
            place = (place - 1) / 2;
        }

        Set(place, thread);
    }

    private void Sink(int place, SimulatedThread thread)
    {
        while (true)
        {
            var child = (place * 2) + 1;
            if (child >= Count)
            {
                break;
            }

            if (child + 1 < Count && IsBefore(_heap[child + 1], _heap[child]))
            {
                child++;
            }

            if (!IsBefore(_heap[child], thread))
            {
                break;
            }

            Set(place, _heap[child]);
            place = child;
        }

        Set(place, thread);
    }

    private void Set(int place, SimulatedThread thread)
    {
        _heap[place] = thread;
        thread.Place = place;
    }
}
