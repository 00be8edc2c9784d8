using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class LockTests
{
    private const int Seeds = 1500;

    [Fact]
    public void ReadWriteLockExcludesAndWakes() => Explorer.Explore(Seeds, Contend<ReadWriteLock>(sharedTogether: true));

    [Fact]
    public void MonolithicLockExcludesAndWakes() => Explorer.Explore(Seeds, Contend<MonolithicLock>(sharedTogether: false));

    [Fact]
    public void ReadWriteLockNeedsItsWakes() => AssertNeedsWakes(Contend<ReadWriteLock>(sharedTogether: true));

    [Fact]
    public void MonolithicLockNeedsItsWakes() => AssertNeedsWakes(Contend<MonolithicLock>(sharedTogether: false));

    [Fact]
    public void RcuLockExcludesNothing()
    {
        var failure = Explorer.FirstFailure(Seeds, Contend<RcuLock>(sharedTogether: true));
        Assert.NotNull(failure);
        Assert.Contains("exclusive", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadersThatArriveBehindAWriterStayBehindIt() => Explorer.Explore(
        Seeds,
        controller =>
        {
            const uint WriterComing = 4;
            using var participants = new ParticipantTable(4, 1);
            var policy = ReadWriteLock.Create(participants);
            var word = participants.LockLines.LowHalf;
            var written = false;

            void Read(int participant)
            {
                for (var round = 0; round < 3; round++)
                {
                    var behind = (Atomics.LoadAcquire(word) & WriterComing) != 0;
                    policy.EnterShared(participant);
                    Assert.True(written || !behind, "A reader overtook a writer.");
                    policy.LeaveShared(participant);
                }
            }

            controller.Run(
                () => Read(0),
                () => Read(1),
                () => Read(2),
                () =>
                {
                    policy.EnterExclusive(3);
                    written = true;
                    policy.LeaveExclusive(3);
                });
        });

    private static void AssertNeedsWakes(Action<SeededController> run)
    {
        var failure = Explorer.FirstFailure(Seeds, run, new SeededOptions { Mutation = Mutation.WakeIsLost });
        Assert.NotNull(failure);
        Assert.Contains("All threads are blocked", failure.Message, StringComparison.Ordinal);
    }

    private static Action<SeededController> Contend<TLock>(bool sharedTogether)
        where TLock : struct, IMmuLock<TLock> => controller =>
    {
        using var participants = new ParticipantTable(4, 1);
        var policy = TLock.Create(participants);
        var (readers, writers) = (0, 0);

        void Share(int participant)
        {
            for (var round = 0; round < 3; round++)
            {
                policy.EnterShared(participant);
                readers++;
                Assert.True(writers == 0 && (sharedTogether || readers == 1), "A shared section ran beside an exclusive one.");
                _ = Atomics.LoadRelaxed(participants.Request(participant));
                _ = Atomics.LoadRelaxed(participants.Request(participant));
                readers--;
                policy.LeaveShared(participant);
            }
        }

        void Exclude(int participant)
        {
            for (var round = 0; round < 2; round++)
            {
                policy.EnterExclusive(participant);
                writers++;
                Assert.True(readers == 0 && writers == 1, "An exclusive section was not alone.");
                _ = Atomics.LoadRelaxed(participants.Request(participant));
                _ = Atomics.LoadRelaxed(participants.Request(participant));
                writers--;
                policy.LeaveExclusive(participant);
            }
        }

        controller.Run(() => Share(0), () => Share(1), () => Exclude(2), () => Exclude(3));
        Assert.Equal(0UL, Atomics.LoadRelaxed(participants.LockLines));
    };
}
