using TdpMmu.Concurrency;
using TdpMmu.Machine;
using TdpMmu.Translation;

namespace TdpMmu.Verification;

/// <summary>The smallest MMU: one word says whether one page is mapped, and what is not mapped is no memory.</summary>
/// <param name="core">The machine's parts.</param>
/// <param name="entry">0 where nothing is mapped.</param>
/// <param name="page">The host page behind every frame.</param>
internal sealed class OneEntryMmu(MachineCore core, AtomicWord entry, Pfn page) : Mmu(core)
{
    internal override string FormatName => "one entry";

    internal override string? LockName => null;

    internal override Gfn FrameLimit => new(1);

    internal override long MetadataBytes => 0;

    internal override WalkStatus Walk(Gfn frame, GuestAccess access, out Pfn host, out GuestAccess permitted)
    {
        host = page;
        permitted = GuestAccess.Read | GuestAccess.Write;
        return Atomics.LoadAcquire(entry) != 0 ? WalkStatus.Translated : WalkStatus.NotPresent;
    }

    internal override FaultOutcome HandleFault(int participant, Gfn frame, GuestAccess access, bool present) => FaultOutcome.NoSlot;

    internal override void Zap(int participant, GfnRange range) => throw Unused();

    internal override void WriteProtect(int participant, GfnRange range, bool keepMmuWritable) => throw Unused();

    internal override void CollectDirty(int participant, GfnRange range, Span<ulong> dirty) => throw Unused();

    internal override PagingLevel HighestLevelFor(Gfn frame, Pfn host, PagingLevel limit) => PagingLevel.Page4KiB;

    internal override List<Mapping> ListMappings() => throw Unused();

    internal override void CheckTables() => throw Unused();

    public override void Dispose()
    {
    }

    private static NotSupportedException Unused() => new("Who explores the access window zaps the entry himself.");
}
