using System.Runtime.CompilerServices;
using TdpMmu.Concurrency;

namespace TdpMmu.Legacy;

/// <summary>
/// The head of a list of page-table entries in one word: the reverse map of a frame, or the parents of a table.
/// </summary>
/// <remarks>
/// The word is zero for none, the entry's address for one, and for more the address of a chain of descriptors with bit 0 set.
/// All descriptors but the first are full, so that adding looks at one of them. Read and changed only under the MMU's lock.
/// </remarks>
internal unsafe struct EntryList
{
    private const nuint ChainMark = 1;

    private nuint _value;

    /// <summary>Whether there is no entry.</summary>
    internal readonly bool IsEmpty => _value == 0;

    private readonly EntryDescriptor* Chain => (EntryDescriptor*)(_value & ~ChainMark);

    private readonly bool IsChain => (_value & ChainMark) != 0;

    /// <summary>Adds an entry that the list does not have.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="descriptors">Where a descriptor comes from if one is needed.</param>
    /// <param name="participant">Whose cache of descriptors.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(AtomicWord entry, NativeObjectPool descriptors, int participant)
    {
        if (_value == 0)
        {
            _value = (nuint)entry.Address;
            return;
        }

        AddToChain(entry, descriptors, participant);
    }

    /// <summary>Removes an entry.</summary>
    /// <exception cref="InvariantViolationException">The list does not have it.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Remove(AtomicWord entry, NativeObjectPool descriptors, int participant)
    {
        if (_value == (nuint)entry.Address)
        {
            _value = 0;
            return;
        }

        RemoveFromChain(entry, descriptors, participant);
    }

    /// <summary>The entry at a position; positions are dense and change when the list does.</summary>
    /// <returns>False if the list is shorter.</returns>
    internal readonly bool TryGet(int position, out AtomicWord entry)
    {
        entry = default;
        if (!IsChain)
        {
            entry = new AtomicWord((void*)_value);
            return position == 0 && _value != 0;
        }

        var descriptor = Chain;
        for (var rest = (long)position; descriptor is not null; descriptor = descriptor->Next)
        {
            if (rest < descriptor->Count)
            {
                entry = new AtomicWord((void*)descriptor->Entries[rest]);
                return true;
            }

            rest -= descriptor->Count;
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddToChain(AtomicWord entry, NativeObjectPool descriptors, int participant)
    {
        if (!IsChain)
        {
            Push(new AtomicWord((void*)_value), null, descriptors, participant);
        }

        var first = Chain;
        if (first->Count == EntryDescriptor.Capacity)
        {
            Push(entry, first, descriptors, participant);
            return;
        }

        first->Entries[first->Count++] = (ulong)entry.Address;
    }

    private void Push(AtomicWord entry, EntryDescriptor* next, NativeObjectPool descriptors, int participant)
    {
        var first = (EntryDescriptor*)descriptors.Take(participant);
        first->Next = next;
        first->Count = 1;
        first->Entries[0] = (ulong)entry.Address;
        _value = (nuint)first | ChainMark;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RemoveFromChain(AtomicWord entry, NativeObjectPool descriptors, int participant)
    {
        for (var descriptor = IsChain ? Chain : null; descriptor is not null; descriptor = descriptor->Next)
        {
            for (var index = 0; index < descriptor->Count; index++)
            {
                if (descriptor->Entries[index] == (ulong)entry.Address)
                {
                    // The last entry of the first descriptor fills the hole, so that the others stay full.
                    var first = Chain;
                    descriptor->Entries[index] = first->Entries[--first->Count];
                    Shorten(first, descriptors, participant);
                    return;
                }
            }
        }

        throw new InvariantViolationException($"The invariant does not hold: the entry at 0x{entry.Address:x} is in its reverse map.");
    }

    // Drops a first descriptor that is empty, and the chain when one entry is left: the word holds that one itself.
    private void Shorten(EntryDescriptor* first, NativeObjectPool descriptors, int participant)
    {
        if (first->Count == 0)
        {
            _value = (nuint)first->Next | ChainMark;
            descriptors.GiveBack(participant, (nint)first);
            first = Chain;
        }

        if (first->Count == 1 && first->Next is null)
        {
            _value = (nuint)first->Entries[0];
            descriptors.GiveBack(participant, (nint)first);
        }
    }

    // SAFETY: the word's chain belongs to this list alone, and the lock orders all use of it.
}
