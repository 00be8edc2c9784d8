namespace TdpMmu.Concurrency.Tests.Locks;

public sealed class MmuLockTests : NativeMemoryTest
{
    private const int Rounds = 30_000;

    [Fact]
    public void MonolithicExcludesEverything() => Contend<MonolithicLock>();

    [Fact]
    public void ReadWriteExcludesWritersFromReaders() => Contend<ReadWriteLock>();

    [Fact]
    public void PoliciesHaveNames() =>
        Assert.Equal(["monolithic", "read-write", "rcu"], [Name<MonolithicLock>(), Name<ReadWriteLock>(), Name<RcuLock>()]);

    [Fact]
    public void SharedSectionsOfReadWriteRunTogether()
    {
        using var participants = new ParticipantTable(2, 1);
        var policy = ReadWriteLock.Create(participants);
        policy.EnterShared(0);
        policy.EnterShared(1);
        policy.LeaveShared(0);
        policy.LeaveShared(1);
        policy.EnterExclusive(0);
        policy.LeaveExclusive(0);
        Assert.Equal(0UL, Atomics.LoadRelaxed(participants.LockWaits(0)));
    }

    [Fact]
    public void WaitsAreCountedForWhoeverWaited()
    {
        using var participants = new ParticipantTable(2, 1);
        var policy = MonolithicLock.Create(participants);
        policy.EnterExclusive(0);
        var waiter = Atomics.StartThread("waiter", () =>
        {
            policy.EnterShared(1);
            policy.LeaveShared(1);
        });

        // 2 says that a thread is parked.
        while (Atomics.LoadAcquire(participants.LockLines.LowHalf) != 2)
        {
            _ = Thread.Yield();
        }

        policy.LeaveExclusive(0);
        waiter.Join();
        Assert.Equal(0UL, Atomics.LoadRelaxed(participants.LockWaits(0)));
        Assert.Equal(1UL, Atomics.LoadRelaxed(participants.LockWaits(1)));
        Assert.True(Atomics.LoadRelaxed(participants.LockWaitNanoseconds(1)) > 0);
    }

    [Fact]
    public void WriterIsNotOvertakenByReadersThatComeAfterIt()
    {
        using var participants = new ParticipantTable(3, 1);
        var policy = ReadWriteLock.Create(participants);
        policy.EnterShared(0);
        var order = new List<string>();
        var writer = Atomics.StartThread("writer", () =>
        {
            policy.EnterExclusive(1);
            order.Add("writer");
            policy.LeaveExclusive(1);
        });
        var word = participants.LockLines.LowHalf;

        // The mark of a writer that is coming.
        while ((Atomics.LoadAcquire(word) & 4) == 0)
        {
            _ = Thread.Yield();
        }

        var reader = Atomics.StartThread("reader", () =>
        {
            policy.EnterShared(2);
            order.Add("reader");
            policy.LeaveShared(2);
        });
        Thread.Sleep(5);
        policy.LeaveShared(0);
        writer.Join();
        reader.Join();
        Assert.Equal(["writer", "reader"], order);
    }

    [Fact]
    public void NothingAllocates()
    {
        AssertNothingAllocated<MonolithicLock>();
        AssertNothingAllocated<ReadWriteLock>();
        AssertNothingAllocated<RcuLock>();
    }

    private static void AssertNothingAllocated<TLock>()
        where TLock : struct, IMmuLock<TLock>
    {
        using var participants = new ParticipantTable(1, 1);
        var policy = TLock.Create(participants);
        Assert.Equal(0, AllocatedBy(() =>
        {
            policy.EnterShared(0);
            policy.LeaveShared(0);
            policy.EnterExclusive(0);
            policy.LeaveExclusive(0);
        }));
    }

    private static string Name<TLock>()
        where TLock : struct, IMmuLock<TLock> => TLock.Name;

    // Two plain words that only writers change, always together.
    private static void Contend<TLock>()
        where TLock : struct, IMmuLock<TLock>
    {
        using var participants = new ParticipantTable(4, 1);
        var policy = TLock.Create(participants);
        var (first, second) = (0L, 0L);
        void Write(int participant)
        {
            for (var round = 0; round < Rounds; round++)
            {
                policy.EnterExclusive(participant);
                first++;
                second++;
                policy.LeaveExclusive(participant);
            }
        }

        void Read(int participant)
        {
            for (var round = 0; round < Rounds; round++)
            {
                policy.EnterShared(participant);
                var (left, right) = (first, second);
                policy.LeaveShared(participant);
                Assert.Equal(left, right);
            }
        }

        RunTogether(() => Write(0), () => Read(1), () => Write(2), () => Read(3));
        Assert.Equal((2L * Rounds, 2L * Rounds), (first, second));
    }
}
