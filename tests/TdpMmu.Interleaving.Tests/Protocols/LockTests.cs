using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class LockTests
{
    [Fact]
    public void ReadWriteLockExcludesAndWakes()
    {
        Exploration.Exhaust(static execution => Contend<ReadWriteLock>(execution, sharers: 1, excluders: 1, sharedTogether: true));
        Exploration.Bound(static execution => Contend<ReadWriteLock>(execution, sharers: 2, excluders: 2, sharedTogether: true), 1);
    }

    [Fact]
    public void MonolithicLockExcludesAndWakes()
    {
        Exploration.Exhaust(static execution => Contend<MonolithicLock>(execution, sharers: 1, excluders: 1, sharedTogether: false));
        Exploration.Bound(static execution => Contend<MonolithicLock>(execution, sharers: 2, excluders: 1, sharedTogether: false), 2);
    }

    [Fact]
    public void ReadWriteLockNeedsItsWakes() => Exploration.AssertFound(
        "Deadlock", static execution => Contend<ReadWriteLock>(execution, 1, 1, sharedTogether: true, Weakness.WakeIsLost));

    [Fact]
    public void MonolithicLockNeedsItsWakes() => Exploration.AssertFound(
        "Deadlock", static execution => Contend<MonolithicLock>(execution, 1, 1, sharedTogether: false, Weakness.WakeIsLost));

    [Fact]
    public void RcuLockExcludesNothing() => Exploration.AssertFound(
        "exclusive", static execution => Contend<RcuLock>(execution, 1, 1, sharedTogether: true), MemoryModel.SequentiallyConsistent);

    [Fact]
    public void ReadersThatArriveBehindAWriterStayBehindIt() => Exploration.Bound(
        static execution =>
        {
            const uint WriterComing = 4;
            var participants = execution.Own(new ParticipantTable(3, 1));
            var policy = ReadWriteLock.Create(participants);
            var word = participants.LockLines.LowHalf;
            var written = execution.AllocateWords(1)[0];
            for (var reader = 0; reader < 2; reader++)
            {
                var participant = reader;
                execution.AddThread($"reader {reader}", () =>
                {
                    var behind = (Atomics.LoadAcquire(word) & WriterComing) != 0;
                    policy.EnterShared(participant);
                    Assert.True(!behind || Atomics.LoadAcquire(written) != 0, "A reader overtook a writer.");
                    policy.LeaveShared(participant);
                });
            }

            execution.AddThread("writer", () =>
            {
                policy.EnterExclusive(2);
                Atomics.StoreRelease(written, 1);
                policy.LeaveExclusive(2);
            });
        },
        preemptions: 2);

    private static void Contend<TLock>(Execution execution, int sharers, int excluders, bool sharedTogether, Weakness weakness = Weakness.None)
        where TLock : struct, IMmuLock<TLock>
    {
        var participants = execution.Own(new ParticipantTable(sharers + excluders, 1));
        var policy = TLock.Create(participants);
        var counts = execution.AllocateWords(2);
        var (readers, writers) = (counts[0], counts[1]);
        for (var participant = 0; participant < sharers + excluders; participant++)
        {
            var (self, excludes) = (participant, participant >= sharers);
            execution.AddThread($"{(excludes ? "excluder" : "sharer")} {self}", WeakenedController.Weaken(weakness, () =>
            {
                if (excludes)
                {
                    policy.EnterExclusive(self);
                    Atomics.Add(writers, 1);
                    Assert.True(Atomics.LoadRelaxed(readers) == 0 && Atomics.LoadRelaxed(writers) == 1, "An exclusive section was not alone.");
                    Atomics.Add(writers, ulong.MaxValue);
                    policy.LeaveExclusive(self);
                }
                else
                {
                    policy.EnterShared(self);
                    Atomics.Add(readers, 1);
                    Assert.True(
                        Atomics.LoadRelaxed(writers) == 0 && (sharedTogether || Atomics.LoadRelaxed(readers) == 1),
                        "A shared section ran beside an exclusive one.");
                    Atomics.Add(readers, ulong.MaxValue);
                    policy.LeaveShared(self);
                }
            }));
        }

        execution.AtEnd(() => Assert.Equal(0UL, Atomics.LoadRelaxed(participants.LockLines)));
    }
}
