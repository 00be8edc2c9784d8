namespace TdpMmu.Verification;

/// <summary>All scenarios.</summary>
internal static class ScenarioCatalog
{
    /// <summary>The operations of the engine. Every unordered pair of them is a scenario.</summary>
    internal static IReadOnlyList<MachineOperation> Operations { get; } =
    [
        new FaultOnMissingTable(),
        new FaultOnPresentTable(),
        new FaultAtLargeLevel(),
        new FaultOnMissingPage(),
        new FastFault(),
        new FirstWrite(),
        new CachedStore(),
        new SplitOnFault(),
        new GuestInNewSlot(),
        new RetireAndReuse(),
        new ZapRange(),
        new ZapTable(),
        new InvalidateRange(),
        new DiscardPage(),
        new AddSlot(),
        new DeleteSlot(),
        new FillPage(),
        new PoisonPage(),
        new HostWrite(),
        new HostRead(),
        new WriteProtectRange(),
        new StartDirtyLog(),
        new HarvestDirtyLog(),
        new StopDirtyLog(),
    ];

    /// <summary>Three at a time, where the third is what makes the other two interesting.</summary>
    private static readonly string[][] s_triples =
    [
        ["fault-present-table", "zap-table", "zap-table"],
        ["fault-present-table", "fault-present-table", "zap-table"],
        ["cached-store", "invalidate", "zap"],
        ["cached-store", "harvest-dirty-log", "zap"],
        ["fault-missing-page", "fill-page", "discard"],
        ["fault-missing-page", "delete-slot", "fill-page"],
        ["fault-large", "discard", "fill-page"],
        ["retire-reuse", "fault-present-table", "zap-table"],
        ["fast-fault", "write-protect", "harvest-dirty-log"],
        ["host-write", "harvest-dirty-log", "cached-store"],
        ["load-new-slot", "add-slot", "delete-slot"],
    ];

    /// <summary>Where walks yield between any two entries that they visit.</summary>
    private static readonly string[][] s_yielding =
    [
        ["cached-store", "zap"],
        ["cached-store", "harvest-dirty-log"],
        ["fault-present-table", "zap-table"],
        ["zap", "zap-table"],
        ["invalidate", "zap"],
    ];

    /// <summary>Everything, in the order of the list: parts by themselves, pairs, triples, yielding walks.</summary>
    internal static IReadOnlyList<Scenario> All { get; } = [.. BuildingBlocks.All, .. Pairs(), .. Triples(), .. Yielding()];

    private static IEnumerable<Scenario> Pairs()
    {
        for (var first = 0; first < Operations.Count; first++)
        {
            for (var second = first; second < Operations.Count; second++)
            {
                yield return new OperationScenario(Operations[first], Operations[second]);
            }
        }
    }

    private static IEnumerable<Scenario> Triples() =>
        s_triples.Select(static names => new OperationScenario(Named(names)));

    private static IEnumerable<Scenario> Yielding() =>
        s_yielding.Select(static names => new OperationScenario(yields: true, Named(names)));

    private static MachineOperation[] Named(string[] names) =>
        [.. names.Select(static name => Operations.Single(operation => operation.Name == name))];
}
