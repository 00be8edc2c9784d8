using TdpMmu.Slots;

namespace TdpMmu.Machine;

/// <summary>What a fault learns about its page inside a section, and needs for waiting after it.</summary>
internal unsafe ref struct FaultContext
{
    /// <summary>The slot; valid inside the section, and until it is resolved where the page is missing.</summary>
    internal SlotRecord* Record;

    /// <summary>The slot's policy, valid inside the section.</summary>
    internal SlotFlags Flags;

    /// <summary>The states of the slot's memory.</summary>
    internal PageStates? States;

    /// <summary>The slot generation to outwait.</summary>
    internal ulong Generation;

    /// <summary>The place of the invalidation to outwait.</summary>
    internal int Place;

    /// <summary>The phase of that place.</summary>
    internal ulong Phase;

    // SAFETY: the pointer is followed under the section or reference that the fields name.
}
