namespace TdpMmu.Concurrency.Tests.Epochs;

public sealed class EpochDomainTests : NativeMemoryTest
{
    private const ulong Poison = 0xDEAD_DEAD_DEAD_DEAD;

    [Fact]
    public void ObjectsWaitForTheSectionsThatWereOpen()
    {
        using var participants = new ParticipantTable(3, 1);
        var reclaimer = new Recorder();
        using var domain = new EpochDomain(participants, reclaimer);
        domain.Enter(1);
        domain.Retire(0, 100, 7);
        Assert.Equal(0, domain.TryReclaim(0));
        domain.Enter(2);
        domain.Leave(1);
        Assert.Equal(1, domain.TryReclaim(0));
        Assert.Equal([(0, 100, 7)], reclaimer.Items);
        domain.Retire(0, 200, 8);
        Assert.Equal(0, domain.TryReclaim(0));
        domain.Leave(2);
        domain.Enter(1);
        Assert.Equal(1, domain.TryReclaim(0));
        domain.Leave(1);
        Assert.Equal(0, domain.PendingCount);
    }

    [Fact]
    public void RetiringDuringAGracePeriodWaitsForTheNext()
    {
        using var participants = new ParticipantTable(3, 1);
        var reclaimer = new Recorder();
        using var domain = new EpochDomain(participants, reclaimer);
        domain.Enter(1);
        domain.Retire(0, 1, 0);
        Assert.Equal(0, domain.TryReclaim(0));

        // This section began after the running grace period had looked, and may know the second object.
        domain.Enter(2);
        domain.Retire(0, 2, 0);
        domain.Leave(1);
        Assert.Equal(1, domain.TryReclaim(0));
        Assert.Equal(0, domain.TryReclaim(0));
        domain.Leave(2);
        Assert.Equal(1, domain.TryReclaim(0));
    }

    [Fact]
    public void SynchronizeInsideASectionIsRefused()
    {
        using var participants = new ParticipantTable(1, 1);
        using var domain = new EpochDomain(participants, new Recorder());
        domain.Enter(0);
        Assert.Throws<InvalidOperationException>(() => domain.Synchronize(0));
        domain.Leave(0);
        domain.Synchronize(0);
    }

    [Fact]
    public void QueuesGrowAndKeepTheirOrder()
    {
        using var participants = new ParticipantTable(2, 1);
        var reclaimer = new Recorder();
        using var domain = new EpochDomain(participants, reclaimer);
        var expected = new List<(int, nint, int)>();
        for (var round = 0; round < 4; round++)
        {
            for (var item = 0; item < 300; item++)
            {
                domain.Retire(1, (round * 1000) + item, item);
                expected.Add((1, (round * 1000) + item, item));
            }

            if (round % 2 == 1)
            {
                domain.Synchronize(1);
            }
        }

        Assert.Equal(expected, reclaimer.Items);
        Assert.Equal(0, domain.PendingCount);
    }

    [Fact]
    public void NothingAllocates()
    {
        using var participants = new ParticipantTable(2, 1);
        using var domain = new EpochDomain(participants, new Counter());
        Assert.Equal(0, AllocatedBy(() =>
        {
            domain.Enter(0);
            domain.Retire(0, 1, 0);
            domain.Leave(0);
            _ = domain.TryReclaim(0);
            domain.Synchronize(0);
        }));
    }

    [Fact]
    public void ReadersNeverMeetAReclaimedObject()
    {
        const int Readers = 3;
        const int Writers = 2;
        const int ObjectsPerWriter = 64;
        using var participants = new ParticipantTable(Readers + Writers, 1);
        using var links = new NativeBlock(Writers * NativeBlock.LineBytes);
        using var objects = new NativeBlock((Readers + Writers) * ObjectsPerWriter * sizeof(ulong));
        var reclaimer = new Recycler(Readers + Writers);
        using var domain = new EpochDomain(participants, reclaimer);
        var stop = 0;
        var sections = new long[Readers];
        var bodies = new List<Action>();
        AtomicWord Link(int writer) => links.Word((nuint)(writer * NativeBlock.LineBytes));
        for (var writer = 0; writer < Writers; writer++)
        {
            var (link, participant) = (Link(writer), Readers + writer);
            for (var index = 0; index < ObjectsPerWriter; index++)
            {
                reclaimer.Free[participant].Push(objects.Word((nuint)(((participant * ObjectsPerWriter) + index) * sizeof(ulong))).Address);
            }

            Atomics.StoreRelease(link, (ulong)Fresh(participant));
            bodies.Add(() =>
            {
                var end = Atomics.Now + 1_000_000_000;
                while (Atomics.Now < end)
                {
                    while (reclaimer.Free[participant].Count == 0)
                    {
                        domain.Synchronize(participant);
                    }

                    domain.Retire(participant, (nint)Atomics.Exchange(link, (ulong)Fresh(participant)), 0);
                    _ = domain.TryReclaim(participant);
                }

                Volatile.Write(ref stop, 1);
            });
        }

        for (var reader = 0; reader < Readers; reader++)
        {
            var participant = reader;
            bodies.Add(() =>
            {
                while (Volatile.Read(ref stop) == 0)
                {
                    domain.Enter(participant);
                    var target = At((nint)Atomics.LoadAcquire(Link(participant % Writers)));
                    for (var look = 0; look < 8; look++)
                    {
                        Assert.NotEqual(Poison, Atomics.LoadAcquire(target));
                    }

                    domain.Leave(participant);
                    sections[participant]++;
                }
            });
        }

        RunTogether([.. bodies]);
        domain.Drain();
        Assert.Equal(0, domain.PendingCount);
        Assert.All(sections, count => Assert.True(count > 0));
        Assert.True(reclaimer.Reclaimed > ObjectsPerWriter, $"Only {reclaimer.Reclaimed} objects were reclaimed.");

        nint Fresh(int participant)
        {
            var address = reclaimer.Free[participant].Pop();
            Atomics.StoreRelease(At(address), 1);
            return address;
        }
    }

    // SAFETY: the address is that of a word in a block of the test.
    private static unsafe AtomicWord At(nint address) => new((void*)address);

    private sealed class Recorder : IEpochReclaimer
    {
        internal List<(int Participant, nint Address, int Kind)> Items { get; } = [];

        public void Reclaim(int participant, nint address, int kind) => Items.Add((participant, address, kind));
    }

    private sealed class Counter : IEpochReclaimer
    {
        internal int Count { get; private set; }

        public void Reclaim(int participant, nint address, int kind) => Count++;
    }

    private sealed class Recycler(int participants) : IEpochReclaimer
    {
        private long _reclaimed;

        internal Stack<nint>[] Free { get; } = [.. Enumerable.Range(0, participants).Select(_ => new Stack<nint>())];

        internal long Reclaimed => Volatile.Read(ref _reclaimed);

        public void Reclaim(int participant, nint address, int kind)
        {
            Atomics.StoreRelease(At(address), Poison);
            Free[participant].Push(address);
            Interlocked.Increment(ref _reclaimed);
        }
    }
}
