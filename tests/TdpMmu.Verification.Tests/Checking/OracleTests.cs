using TdpMmu.Concurrency;
using TdpMmu.Interleaving;
using CheckedFormat = TdpMmu.Formats.Ept<TdpMmu.Verification.SmallGeometry>;

namespace TdpMmu.Verification.Tests.Checking;

/// <summary>The oracle, the TLB adversary and the copies notice what they are there for: each test does something wrong by hand.</summary>
public sealed class OracleTests
{
    private const ulong PresentLeaf = 0x600300000000b77;

    [Fact]
    public void AMappingToAnotherPageIsFound() => AssertFinds("does not lead to page", StartState.Mapped, machine =>
    {
        machine.Zap(new GfnRange(new Gfn(0), 1));
        Set(machine, 0, CheckedFormat.MakeLeaf(HostFrame(machine, 3), PagingLevel.Page4KiB, GuestAccess.Read, hostWritable: false, dirty: false));
    });

    [Fact]
    public void AMappingWithoutASlotIsFound() => AssertFinds("no slot has", StartState.Mapped, machine =>
    {
        machine.DeclareDeletion();
        machine.DeleteSlot(machine.Slot);
        machine.Run(0, vcpu => vcpu.Load<ulong>(CheckedMachine.AddressOf(0)));
        Link(machine, CheckedFormat.MakeLeaf(HostFrame(machine, 0), PagingLevel.Page2MiB, GuestAccess.Read, hostWritable: false, dirty: false));
    });

    [Fact]
    public void AMappingOfAMissingPageIsFound() => AssertFinds("although page 0 is Missing", StartState.Missing, machine =>
    {
        machine.Run(0, vcpu => vcpu.Load<ulong>(CheckedMachine.AddressOf(1)));
        Set(machine, 0, CheckedFormat.MakeLeaf(HostFrame(machine, 0), PagingLevel.Page4KiB, GuestAccess.Read, hostWritable: false, dirty: false));
    });

    [Fact]
    public void AMappingInsideAnInvalidationIsFound() => AssertFinds("inside an invalidation", StartState.Mapped, machine =>
        machine.Invalidate(new GfnRange(new Gfn(0), 1), _ =>
            Set(machine, 0, CheckedFormat.MakeLeaf(HostFrame(machine, 0), PagingLevel.Page4KiB, GuestAccess.Read, hostWritable: false, dirty: false))));

    [Fact]
    public void AnEntryThatIsNotWellFormedIsFound() => AssertFinds("not well-formed", StartState.Mapped, machine =>
    {
        machine.Zap(new GfnRange(new Gfn(0), 1));
        Set(machine, 0, new Formats.Spte(PresentLeaf & ~1UL));
    });

    [Fact]
    public void APageThatIsTakenBackWhileItIsMappedIsFound() => AssertFinds("that frame", StartState.Mapped, machine => machine.Replace(0, 1));

    [Fact]
    public void AMissingFlushIsFound() => AssertFinds("Stale TLB", StartState.Mapped, machine =>
    {
        using var taking = machine.AllowTakingAway();
        machine.Run(0, _ =>
        {
            Set(machine, 0, CheckedFormat.NonPresent);
            machine.Replace(0, 1);
        });
    });

    /// <summary>
    /// The flusher sees the vCPU's window open and then closed, but the close is an older one that was still in the buffer: the vCPU stands in
    /// the next window, which it opened before it was asked.
    /// </summary>
    [Fact]
    public void AnOlderCloseDoesNotCountAsTheEndOfAWindow()
    {
        const ulong FirstOpen = 0x1001;
        const ulong SecondOpen = 0x1003;
        var report = Exploration.Of(
            execution =>
            {
                var machine = new CheckedMachine(execution, LockPolicyKind.Rcu, StartState.Mapped, vcpus: 1);
                var window = machine.Machine.Core.Participants.Window(0);
                var request = machine.Machine.Core.Participants.Request(0);
                execution.AddThread("vCPU", () => machine.Run(0, _ =>
                {
                    Atomics.StoreRelease(window, FirstOpen);
                    Atomics.StoreRelease(window, FirstOpen - 1);
                    Atomics.StoreRelease(window, SecondOpen);

                    // As a vCPU does before it uses a translation; it may have, before the flusher asks.
                    Atomics.LoadRelaxed(request);
                }));
                execution.AddThread("flusher", () =>
                {
                    using var taking = machine.AllowTakingAway();
                    var entry = EntryOf(machine, 0);
                    Set(machine, 0, CheckedFormat.NonPresent);
                    Atomics.Add(request, 1);
                    if (Atomics.LoadAcquire(window) == FirstOpen && Atomics.LoadAcquire(window) == FirstOpen - 1)
                    {
                        machine.Replace(0, 1);
                    }

                    // Nothing else is wrong: the engine counts its leaves.
                    Set(machine, 0, entry);
                });
            },
            executions: 100_000);

        Assert.Contains("its window was open when it was asked to flush", Assert.IsType<Finding>(report.Finding).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFaultThatTakesPermissionAwayIsFound() => AssertFinds("may only add permissions", StartState.Mapped, machine =>
        machine.Run(0, _ => Set(machine, 0, CheckedFormat.NonPresent)));

    [Fact]
    public void ADirtyBitThatIsClearedWithoutARecordIsALostWrite() => AssertFinds("Lost write", StartState.Logged, machine =>
    {
        using var taking = machine.AllowTakingAway();
        machine.Run(0, vcpu =>
        {
            vcpu.Store(CheckedMachine.AddressOf(0), 0x77UL);
            Set(machine, 0, CheckedFormat.WithoutDirty(EntryOf(machine, 0)));
        });
    });

    [Fact]
    public void WhoMayTakeAwayMayDoSoForThatOperationOnly() => AssertFinds("may only add permissions", StartState.Mapped, machine =>
    {
        machine.Zap(new GfnRange(new Gfn(1), 1));
        Set(machine, 0, CheckedFormat.NonPresent);
    });

    [Fact]
    public void AWritableMappingOfAReadOnlySlotIsFound() => AssertFinds("writable in a read-only slot", StartState.ReadOnly, machine =>
    {
        machine.Run(0, vcpu => machine.Load(vcpu, 1));
        Set(machine, 0, CheckedFormat.MakeLeaf(HostFrame(machine, 0), PagingLevel.Page4KiB, GuestAccess.Read | GuestAccess.Write, hostWritable: true, dirty: true));
    });

    [Fact]
    public void AStoreThatReadsBackWhatWasThereBeforeIsFound()
    {
        var values = new PageValues();
        values.Writes(0, 0x99);
        Assert.True(values.MayBeRead(0, CheckedMachine.FreshValue(0)));
        Assert.False(values.MayBeReadBack(0, CheckedMachine.FreshValue(0)));
        Assert.True(values.MayBeReadBack(0, 0x99));
        values.MayReset(0);
        Assert.True(values.MayBeReadBack(0, CheckedMachine.FreshValue(0)));
    }

    [Fact]
    public void ALostStoreIsFound() => AssertFinds("is lost", StartState.Mapped, machine => machine.Values.Writes(0, 0x99));

    [Fact]
    public void NothingIsFoundWhereNothingIsWrong()
    {
        var report = Exploration.Of(execution => Arrange(execution, StartState.Mapped, machine => machine.Run(0, vcpu => machine.Load(vcpu, 0))));
        Assert.Null(report.Finding);
        Assert.True(report.IsExhausted);
    }

    private static void AssertFinds(string message, StartState start, Action<CheckedMachine> wrong)
    {
        var report = Exploration.Of(execution => Arrange(execution, start, wrong));
        Assert.Contains(message, Assert.IsType<Finding>(report.Finding).Message, StringComparison.Ordinal);
    }

    private static void Arrange(Execution execution, StartState start, Action<CheckedMachine> body)
    {
        var machine = new CheckedMachine(execution, LockPolicyKind.Rcu, start, vcpus: 1);
        execution.AddThread("by hand", () => body(machine));
    }

    private static Pfn HostFrame(CheckedMachine machine, ulong page) => new Hva((ulong)machine.Memory.WordOf(page)).Frame;

    // Past the engine's own setter: entries are words.
    private static void Set(CheckedMachine machine, ulong frame, Formats.Spte value)
    {
        var entry = EntryLocation(machine, frame);
        Atomics.CompareExchange(entry, value.Value, Atomics.LoadAcquire(entry));
    }

    private static void Link(CheckedMachine machine, Formats.Spte value)
    {
        var entry = Root(machine).Entry(0);
        Atomics.CompareExchange(entry, value.Value, Atomics.LoadAcquire(entry));
    }

    private static Formats.Spte EntryOf(CheckedMachine machine, ulong frame) => new(Atomics.LoadAcquire(EntryLocation(machine, frame)));

    private static AtomicWord EntryLocation(CheckedMachine machine, ulong frame)
    {
        var parent = new Formats.Spte(Atomics.LoadAcquire(Root(machine).Entry((int)(frame / 4))));
        return PageTables.PageTable.Of<CheckedFormat>(parent).Entry((int)(frame % 4));
    }

    private static PageTables.PageTable Root(CheckedMachine machine) => ((Direct.DirectMmu<CheckedFormat, RcuLock>)machine.Machine.Mmu).Root;
}
