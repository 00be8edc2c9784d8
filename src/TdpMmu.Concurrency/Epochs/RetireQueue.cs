namespace TdpMmu.Concurrency;

/// <summary>A participant's queue of retired objects: a ring in native memory that only its owner touches.</summary>
internal unsafe struct RetireQueue
{
    private const int InitialCapacity = 64;

    private Item* _items;
    private uint _capacity;
    private uint _head;
    private uint _count;

    internal readonly uint Count => _count;

    internal readonly ref readonly Item Head => ref _items[_head];

    internal void Enqueue(Item item)
    {
        if (_count == _capacity)
        {
            Grow();
        }

        _items[(_head + _count) & (_capacity - 1)] = item;
        _count++;
    }

    internal Item Dequeue()
    {
        var item = _items[_head];
        _head = (_head + 1) & (_capacity - 1);
        _count--;
        return item;
    }

    internal void Free()
    {
        FreeItems();
        this = default;
    }

    // SAFETY: the ring is private to its owner, so growing it moves items that nobody else can be reading.
    private void Grow()
    {
        var capacity = Math.Max(InitialCapacity, _capacity * 2);
        var items = (Item*)NativeBlock.Allocate(BytesOf(capacity), NativeBlock.LineBytes);
        for (var index = 0u; index < _count; index++)
        {
            items[index] = _items[(_head + index) & (_capacity - 1)];
        }

        FreeItems();
        _items = items;
        _capacity = capacity;
        _head = 0;
    }

    private static nuint BytesOf(uint capacity) => capacity * (nuint)sizeof(Item);

    private readonly void FreeItems()
    {
        if (_items is not null)
        {
            NativeBlock.Free(_items, BytesOf(_capacity));
        }
    }

    internal struct Item
    {
        internal nint Address;
        internal ulong Due;
        internal int Kind;
    }
}
