using TdpMmu.Concurrency;

namespace TdpMmu.Verification;

/// <summary>The parts that everything is built of, each by itself.</summary>
internal static class BuildingBlocks
{
    internal static IReadOnlyList<Scenario> All { get; } =
    [
        new EpochScenario(),
        new RendezvousScenario(),
        new WindowScenario(),
        new PageStatesScenario(),
        new ParkingLockScenario(),
        new LockScenario<ReadWriteLock>(sharedTogether: true),
        new LockScenario<MonolithicLock>(sharedTogether: false),
        new LockScenario<RcuLock>(sharedTogether: true),
        new LanesScenario(),
        new TablePoolScenario(),
        new AdmissionScenario(),
        new InvalidationRangesScenario(),
        new LevelChoiceScenario(),
        new DirtyBitmapScenario(),
        new SlotLookupScenario(),
        new RunPermitsScenario(),
    ];
}
