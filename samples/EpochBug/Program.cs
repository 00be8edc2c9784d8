using EpochBug;
using TdpMmu.Interleaving;

if (args is ["speed"])
{
    Speed.Measure();
    return 0;
}

if (args is ["replay", var recorded])
{
    var again = new Explorer().Replay(Recording.Load(recorded), execution => Arrange(execution, Announcement.PlainStore));
    Console.Write(again?.FormatTrace());
    return again is null ? 1 : 0;
}

// A reader, a writer, and three ways to announce the reader: the first is a bug that a released product had.
var explorer = new Explorer();
var verdicts = 0;
foreach (var announcement in Enum.GetValues<Announcement>())
{
    foreach (var memory in Enum.GetValues<MemoryModel>())
    {
        var report = explorer.Explore($"{announcement}", execution => Arrange(execution, announcement), new ExplorationOptions { Memory = memory });
        var mustFail = announcement == Announcement.PlainStore && memory == MemoryModel.TotalStoreOrder;
        verdicts += (report.Finding is not null) == mustFail && (mustFail || report.IsExhausted) ? 1 : 0;
        Console.WriteLine($"{announcement}, {memory}: {report.Executions} executions, {(report.IsExhausted ? "all schedules" : report.Bound)}, {report.Elapsed.TotalSeconds:F2} s");
        if (report.Finding is { } finding)
        {
            Console.WriteLine($"{finding.Message} After {finding.After.TotalSeconds:F2} s, with {finding.Preemptions} preemptions:");
            Console.WriteLine(finding.FormatTrace());
            if (args is ["record", var path])
            {
                finding.Recording.Save(path);
            }
        }
    }
}

return verdicts == 6 ? 0 : 1;

static void Arrange(Execution execution, Announcement announcement)
{
    var slots = execution.Allocate(8);
    var pointer = execution.Allocate(8);
    var oldPage = execution.Allocate(8);
    var newPage = execution.Allocate(8);
    execution.Label(slots, 8, "announcement");
    execution.Label(pointer, 8, "pointer");
    execution.Label(oldPage, 8, "old page");
    execution.Label(newPage, 8, "new page");
    var page = new PageBehindEpochs(slots, pointer, oldPage, announcement);
    TdpMmu.Concurrency.RawMemory.Store(pointer, 8, (ulong)oldPage);
    execution.AddThread("reader", () => page.Read(0));
    execution.AddThread("writer", () => page.Replace(newPage, readers: 1));
}
