using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

public sealed class EpochTests
{
    private const int Seeds = 4000;
    private const ulong Poison = 0xDEAD;

    [Fact]
    public void ReadersNeverSeeAReclaimedObject() => Explorer.Explore(Seeds, Replace);

    [Fact]
    public void AnnouncementWithoutTheReclaimersFenceIsCaught()
    {
        var options = new SeededOptions { Mutation = Mutation.ProcessWideFenceIsLocal };
        var failure = Explorer.FirstFailure(Seeds, Replace, options);
        Assert.NotNull(failure);
        Assert.Contains("reclaimed object", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SynchronizingThreadsWaitForReadersAndForNothingElse() => Explorer.Explore(Seeds, Synchronize);

    [Fact]
    public void SynchronizeWithoutTheFenceIsCaught()
    {
        var options = new SeededOptions { Mutation = Mutation.ProcessWideFenceIsLocal };
        Assert.NotNull(Explorer.FirstFailure(Seeds, Synchronize, options));
    }

    // SAFETY: the address is that of a word in the run's own block of objects, which outlives the run.
    private static unsafe AtomicWord At(nint address) => new((void*)address);

    // Two readers follow a link whose target two writers replace; a reclaimed target is poisoned.
    private static void Replace(SeededController controller)
    {
        const int Rounds = 2;
        using var participants = new ParticipantTable(4, 1);
        using var objects = new NativeBlock(64 * sizeof(ulong));
        using var links = new NativeBlock(2 * NativeBlock.LineBytes);
        var reclaimer = new Poisoner();
        using var domain = new EpochDomain(participants, reclaimer);
        var next = 2;
        AtomicWord Link(int writer) => links.Word((nuint)(writer * NativeBlock.LineBytes));
        Atomics.StoreRelaxed(Link(0), (ulong)objects.Word(0).Address);
        Atomics.StoreRelaxed(Link(1), (ulong)objects.Word(8).Address);

        void Read(int participant)
        {
            for (var round = 0; round < Rounds; round++)
            {
                domain.Enter(participant);
                var target = At((nint)Atomics.LoadAcquire(Link(participant % 2)));
                Assert.True(Atomics.LoadRelaxed(target) != Poison, "A reader saw a reclaimed object.");
                domain.Leave(participant);
            }
        }

        void Write(int participant)
        {
            var link = Link(participant % 2);
            for (var round = 0; round < Rounds; round++)
            {
                var old = Atomics.LoadRelaxed(link);

                // A plain store, so that nothing but the grace period's fence makes the unlinking visible.
                Atomics.StoreRelease(link, (ulong)objects.Word((nuint)(next++ * 8)).Address);
                domain.Retire(participant, (nint)old, round);
                _ = domain.TryReclaim(participant);
            }
        }

        controller.Run(() => Read(0), () => Read(1), () => Write(2), () => Write(3));
        domain.Drain();
        Assert.Equal(0, domain.PendingCount);
        Assert.Equal(2 * Rounds, reclaimer.Count);
    }

    // Threads that synchronize at the same time, with readers that come and go between their looks.
    private static void Synchronize(SeededController controller)
    {
        using var participants = new ParticipantTable(4, 1);
        using var words = new NativeBlock(2 * NativeBlock.LineBytes);
        using var domain = new EpochDomain(participants, new Poisoner());
        var finished = new bool[2];

        void Read(int participant)
        {
            for (var round = 0; round < 2; round++)
            {
                domain.Enter(participant);
                for (var side = 0; side < 2; side++)
                {
                    var sawOpen = Atomics.LoadAcquire(words.Word((nuint)(side * NativeBlock.LineBytes))) == 0;
                    _ = Atomics.LoadRelaxed(participants.LockLines);
                    Assert.False(sawOpen && finished[side], "A reader that saw the old state outlived the grace period.");
                }

                domain.Leave(participant);
            }
        }

        void Close(int participant, int side)
        {
            Atomics.StoreRelease(words.Word((nuint)(side * NativeBlock.LineBytes)), 1);
            domain.Synchronize(participant);
            finished[side] = true;
        }

        controller.Run(() => Read(0), () => Read(1), () => Close(2, 0), () => Close(3, 1));
    }

    private sealed class Poisoner : IEpochReclaimer
    {
        internal int Count { get; private set; }

        public void Reclaim(int participant, nint address, int kind)
        {
            Atomics.StoreRelease(At(address), Poison);
            Count++;
        }
    }
}
