using TdpMmu.Concurrency;

namespace TdpMmu.Engine.Tests.Support;

/// <summary>What must hold of a machine on which nothing runs.</summary>
internal static class LeakCheck
{
    /// <summary>Nobody is inside anything, nothing is owed, nothing is retired and not reclaimed, and the tables are sound.</summary>
    internal static void IsQuiet(VirtualMachine machine)
    {
        var core = machine.Core;
        for (var participant = 0; participant < core.Participants.Count; participant++)
        {
            Assert.False(core.Participants.IsInSection(participant), $"participant {participant} is in a section");
            Assert.True((Atomics.LoadRelaxed(core.Participants.Window(participant)) & 1) == 0, $"participant {participant} is in a window");
            Assert.True(Atomics.LoadRelaxed(core.Participants.Reference(participant)) == 0, $"participant {participant} holds a reference");
        }

        Assert.Equal(0UL, core.Flush.OutstandingDebt);
        Assert.Equal(0UL, core.Ranges.ActiveCount);
        Assert.Equal(0, core.Epochs.PendingCount);
        if (core.BrokenBecause is not null)
        {
            return;
        }

        machine.Mmu.CheckTables();
        machine.Zap(new GfnRange(default, machine.Mmu.FrameLimit.Value));
        Assert.Empty(machine.Mmu.ListMappings());
        Assert.Equal(1, core.Pool.TablesInUse);
        Assert.Equal(0, core.Epochs.PendingCount);
    }
}
