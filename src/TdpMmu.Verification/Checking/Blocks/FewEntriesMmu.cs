using TdpMmu.Concurrency;
using TdpMmu.Machine;
using TdpMmu.Translation;

namespace TdpMmu.Verification;

/// <summary>The smallest MMU: a word for each frame says whether its page is mapped, and what is not mapped is no memory.</summary>
/// <param name="core">The machine's parts.</param>
/// <param name="entries">0 where nothing is mapped.</param>
/// <param name="first">The host page behind frame 0; the others follow.</param>
internal sealed class FewEntriesMmu(MachineCore core, AtomicWord[] entries, Pfn first) : Mmu(core)
{
    internal override string FormatName => "few entries";

    internal override string? LockName => null;

    internal override Gfn FrameLimit => new((ulong)entries.Length);

    internal override long MetadataBytes => 0;

    internal override WalkStatus Walk(Gfn frame, GuestAccess access, out Pfn host, out GuestAccess permitted)
    {
        host = first.Plus(frame.Value);
        permitted = GuestAccess.Read | GuestAccess.Write;
        return Atomics.LoadAcquire(entries[(int)frame.Value]) != 0 ? WalkStatus.Translated : WalkStatus.NotPresent;
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

    private static NotSupportedException Unused() => new("Who explores the access window zaps the entries himself.");
}
