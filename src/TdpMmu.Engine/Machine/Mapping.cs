namespace TdpMmu.Machine;

/// <summary>One leaf of the tables, as a walk of an idle machine finds it.</summary>
/// <param name="Frame">The first guest frame.</param>
/// <param name="Level">The entry's level.</param>
/// <param name="Host">The first host frame.</param>
/// <param name="Access">What is permitted.</param>
/// <param name="Accessed">Whether it was used.</param>
/// <param name="Dirty">Whether it was written through.</param>
internal readonly record struct Mapping(Gfn Frame, PagingLevel Level, Pfn Host, GuestAccess Access, bool Accessed, bool Dirty);
