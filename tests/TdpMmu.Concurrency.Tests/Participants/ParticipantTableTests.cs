namespace TdpMmu.Concurrency.Tests.Participants;

public sealed class ParticipantTableTests : NativeMemoryTest
{
    [Fact]
    public void WordsOfDifferentWritersAreOnDifferentLines()
    {
        using var participants = new ParticipantTable(3, 2);
        var lines = new Dictionary<nint, string>();
        for (var participant = 0; participant < participants.Count; participant++)
        {
            var own = participants.Section(participant).Address / NativeBlock.LineBytes;
            var foreign = participants.Request(participant).Address / NativeBlock.LineBytes;
            Assert.True(lines.TryAdd(own, $"own {participant}"));
            Assert.True(lines.TryAdd(foreign, $"foreign {participant}"));
            AtomicWord[] words =
            [
                participants.Window(participant), participants.Reference(participant), participants.Blocking(participant),
                participants.LockWaits(participant), participants.LockWaitNanoseconds(participant),
            ];
            Assert.All(words, word => Assert.Equal(own, word.Address / NativeBlock.LineBytes));
            Assert.Equal(words.Length, words.Distinct().Count());
            Assert.Equal(foreign, participants.PermitState(participant).Address / NativeBlock.LineBytes);
        }

        Assert.False(lines.ContainsKey(participants.LockLines.Address / NativeBlock.LineBytes));
    }

    [Fact]
    public void ArgumentsAreChecked()
    {
        using var participants = new ParticipantTable(1, 1);
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.Section(2));
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.Section(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParticipantTable(-1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParticipantTable(1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ParticipantTable(1, 4097));
    }

    [Fact]
    public void LanesHaveOneOwnerAtATime()
    {
        const int Rounds = 20_000;
        using var participants = new ParticipantTable(1, 2);
        var owners = new int[participants.Count];
        var body = () =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                var lane = participants.LeaseHostLane();
                Assert.Equal(1, Interlocked.Increment(ref owners[lane]));
                var counter = participants.LockWaits(lane);
                Atomics.StoreRelaxed(counter, Atomics.LoadRelaxed(counter) + 1);
                Interlocked.Decrement(ref owners[lane]);
                participants.ReturnHostLane(lane);
            }
        };
        RunTogether(body, body, body, body);
        Assert.Equal(4UL * Rounds, Atomics.LoadRelaxed(participants.LockWaits(1)) + Atomics.LoadRelaxed(participants.LockWaits(2)));
        Assert.Equal(0UL, Atomics.LoadRelaxed(participants.LockWaits(0)));
    }

    [Fact]
    public void LeasingAllocatesNothing()
    {
        using var participants = new ParticipantTable(0, 1);
        Assert.Equal(0, AllocatedBy(() => participants.ReturnHostLane(participants.LeaseHostLane())));
    }

    [Fact]
    public void RendezvousReturnsWhenNobodyIsInside()
    {
        using var participants = new ParticipantTable(2, 1);
        var rendezvous = new Rendezvous(participants);
        Atomics.StoreRelease(participants.Window(1), 1);
        Assert.Equal(0, AllocatedBy(() =>
        {
            rendezvous.WaitForSections();
            rendezvous.WaitForWindows(self: 1);
            rendezvous.WaitForReference(0, 0x1000, timeoutNanoseconds: 1_000_000_000);
            Assert.False(participants.IsReferenced(0x1000, out _));
        }));
    }

    [Fact]
    public void ReferencesAreFoundWithTheirHolder()
    {
        using var participants = new ParticipantTable(2, 1);
        Atomics.StoreRelease(participants.Reference(1), 0x1000);
        Assert.True(participants.IsReferenced(0x1000, out var holder));
        Assert.Equal(1, holder);
        var start = Atomics.Now;
        new Rendezvous(participants).WaitForReference(1, 0x1000, timeoutNanoseconds: 200_000);
        Assert.True(Atomics.Now - start >= 200_000);
    }

    [Fact]
    public void VcpuIsRunByOneThreadAtATime()
    {
        using var participants = new ParticipantTable(2, 1);
        Assert.True(participants.TryOccupyVcpu(0));
        Assert.False(participants.TryOccupyVcpu(0));
        Assert.True(participants.TryOccupyVcpu(1));
        participants.VacateVcpu(0);
        Assert.True(participants.TryOccupyVcpu(0));
    }

    [Fact]
    public void FlushIsSeenByEveryWindow()
    {
        const int Flushes = 2000;
        using var participants = new ParticipantTable(2, 1);
        var rendezvous = new Rendezvous(participants);
        var promised = new ulong[2];
        var stop = 0;
        void Access(int participant)
        {
            var (window, request) = (participants.Window(participant), participants.Request(participant));
            while (Volatile.Read(ref stop) == 0)
            {
                // Whatever was promised before the window opened must be visible inside it.
                var before = Volatile.Read(ref promised[participant]);
                Atomics.StoreRelease(window, Atomics.LoadRelaxed(window) + 1);
                Assert.True(Atomics.LoadAcquire(request) >= before);
                var seen = Atomics.LoadAcquire(request);
                Assert.True(Volatile.Read(ref promised[participant]) <= seen);
                Atomics.StoreRelease(window, Atomics.LoadRelaxed(window) + 1);
            }
        }

        RunTogether(
            () => Access(0),
            () => Access(1),
            () =>
            {
                for (var flush = 1UL; flush <= Flushes; flush++)
                {
                    Atomics.Add(participants.Request(0), 1);
                    Atomics.Add(participants.Request(1), 1);
                    rendezvous.WaitForWindows(2);
                    Volatile.Write(ref promised[0], flush);
                    Volatile.Write(ref promised[1], flush);
                }

                Volatile.Write(ref stop, 1);
            });
        Assert.Equal((ulong)Flushes, Atomics.LoadRelaxed(participants.Request(1)));
    }
}
