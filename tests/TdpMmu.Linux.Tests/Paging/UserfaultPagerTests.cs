namespace TdpMmu.Linux.Tests;

public sealed class UserfaultPagerTests : LeakChecked
{
    private const ulong Pages = 512;

    public UserfaultPagerTests()
    {
        Machine.RequireUserfault();
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, false, 1, false)]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, false, 3, false)]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, false, 3, true)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Missing, false, 2, false)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor, false, 2, false)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor, true, 2, false)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor, true, 2, true)]
    public void EveryPageArrivesWithItsContents(MemoryBacking backing, UserfaultMode mode, bool populate, int regions, bool shared)
    {
        using MappedMemory memory = Machine.DemandPaged(Pages, backing, populate);
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(new PatternSource(), mode, regions, shared));
        Assert.Equal(shared ? 1 : regions, pager.HandlerCount);
        Machine.JoinAll(
            () => BringInAll(memory, 0, Pages / 2, write: true),
            () => BringInAll(memory, Pages / 2, Pages, write: false));
        for (ulong page = 0; page < Pages; page++)
        {
            Machine.AssertPattern(memory, page);
        }

        pager.Dispose();
        UserfaultPagerStatistics statistics = pager.GetStatistics();
        Assert.Equal((long)Pages, statistics.PagesFilled);
        Assert.Equal((0L, 0L), (statistics.PagesDropped, statistics.PagesPoisoned));
        Assert.Null(pager.Failure);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ThreadsThatWaitForTheSamePagesAllGoOn(bool shared)
    {
        using MappedMemory memory = Machine.DemandPaged(Pages, MemoryBacking.Anonymous);
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(new PatternSource(), regions: 2, shared: shared));
        Action body = () => BringInAll(memory, 0, Pages, write: true);
        Machine.JoinAll([.. Enumerable.Repeat(body, 8)]);
        pager.Dispose();
        Assert.Equal((long)Pages, pager.GetStatistics().PagesFilled);
    }

    [Fact]
    public void OneCallPopulatesManyPages()
    {
        using MappedMemory memory = Machine.DemandPaged(Pages, MemoryBacking.Anonymous);
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(new PatternSource(), regions: 4));
        Machine.JoinAll(() => memory.Populate(0, memory.Length, write: true));
        for (ulong page = 0; page < Pages; page++)
        {
            Assert.True(memory.States.IsPresent(page));
            Machine.AssertPattern(memory, page);
        }
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor)]
    public void AHandlerThatAnswersLateDelaysItsWaiterOnly(MemoryBacking backing, UserfaultMode mode)
    {
        using var gate = new ManualResetEventSlim();
        var source = new ScriptedSource((page, destination, token) =>
        {
            if (page == 0)
            {
                gate.Wait(token);
            }

            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(4, backing);
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(source, mode, regions: 2));
        Machine.JoinAll(
            () => Machine.BringIn(memory, 0),
            () =>
            {
                // The other region has its own handler, which is not held up.
                Machine.BringIn(memory, 2);
                Assert.False(memory.States.IsPresent(0));
                gate.Set();
            });
        Machine.AssertPattern(memory, 0);
        Machine.AssertPattern(memory, 2);
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, false)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Missing, false)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor, false)]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, true)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor, true)]
    public void APageThatTheSourceRefusesIsPoisonedAndTheOthersArrive(MemoryBacking backing, UserfaultMode mode, bool withoutPoison)
    {
        var lost = new InvalidDataException("The page is gone.");
        var source = new ScriptedSource((page, destination, _) =>
        {
            if (page == 1)
            {
                throw lost;
            }

            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(4, backing);
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, Mode = mode, WithoutPoison = withoutPoison });
        Exception?[] failures = Machine.Join(() => Machine.BringIn(memory, 1), () => Machine.BringIn(memory, 1, write: false), () => BringInAll(memory, 2, 4, write: true));
        Assert.IsType<PageSourceException>(failures[0]);
        Assert.IsType<PageSourceException>(failures[1]);
        Assert.Null(failures[2]);
        Assert.Same(lost, pager.SourceFailure);
        Assert.Null(pager.Failure);
        Assert.Equal(PageState.Poisoned, memory.States.Get(1));
        Machine.AssertPattern(memory, 3);
        if (pager.Handlers[0].Descriptor.CanPoison)
        {
            HostMemoryException refused = Assert.Throws<HostMemoryException>(() => memory.Populate(4096, 4096, write: true));
            Assert.Contains("poisoned", refused.Message, StringComparison.Ordinal);
        }

        pager.Dispose();
        Assert.Equal(1, pager.GetStatistics().PagesPoisoned);
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, false)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor, false)]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing, true)]
    public void DisposingLetsWaitersOutWithoutZeros(MemoryBacking backing, UserfaultMode mode, bool withoutPoison)
    {
        using var fetching = new ManualResetEventSlim();
        var source = new ScriptedSource((_, _, token) =>
        {
            fetching.Set();
            token.WaitHandle.WaitOne();
            token.ThrowIfCancellationRequested();
        });
        using MappedMemory memory = Machine.DemandPaged(8, backing);
        UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, Mode = mode, WithoutPoison = withoutPoison });
        Action waiter = () => Machine.BringIn(memory, 0);
        Exception?[] failures = Machine.Join(
            waiter,
            waiter,
            () =>
            {
                fetching.Wait(TestContext.Current.CancellationToken);
                pager.Dispose();
            });
        Assert.True(failures[0] is PageSourceException or HostMemoryException, failures[0]?.ToString());
        Assert.True(failures[1] is PageSourceException or HostMemoryException, failures[1]?.ToString());
        Assert.Null(failures[2]);
        for (ulong page = 0; page < 8; page++)
        {
            Assert.Equal(PageState.Poisoned, memory.States.Get(page));
        }

        Assert.Throws<HostMemoryException>(() => memory.Populate(0, 4096, write: true));
    }

    [Fact]
    public void DisposingTheMemoryEndsThePagerFirst()
    {
        MappedMemory memory = Machine.DemandPaged(4, MemoryBacking.Anonymous);
        UserfaultPager pager = UserfaultPager.Start(memory, Options(new PatternSource(), regions: 2));
        Machine.JoinAll(() => Machine.BringIn(memory, 0));
        memory.Dispose();
        Assert.Equal(1, pager.GetStatistics().PagesFilled);
        pager.Dispose();
    }

    [Fact]
    public void ADiscardedPageIsFetchedAgain()
    {
        int fetched = 0;
        var source = new ScriptedSource((page, destination, _) =>
        {
            Interlocked.Increment(ref fetched);
            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(2, MemoryBacking.SharedMemfd);
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(source, UserfaultMode.Minor));
        Machine.JoinAll(() => Machine.BringIn(memory, 1));
        memory.Discard(4096, 4096);
        memory.States.Discard(1, 1);
        Machine.JoinAll(() => Machine.BringIn(memory, 1));
        Machine.AssertPattern(memory, 1);
        Assert.Equal(2, Volatile.Read(ref fetched));
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor)]
    public void APageDiscardedWhileInFlightIsDroppedAndFetchedAgain(MemoryBacking backing, UserfaultMode mode)
    {
        MappedMemory? discarding = null;
        int fetched = 0;
        var source = new ScriptedSource((page, destination, _) =>
        {
            if (Interlocked.Increment(ref fetched) == 1)
            {
                destination.Fill(0xEE);
                discarding!.Discard(page * PageGeometry.PageSize, PageGeometry.PageSize);
                discarding.States.Discard(page, 1);
                return;
            }

            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(1, backing);
        discarding = memory;
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(source, mode));
        Machine.JoinAll(() => Machine.BringIn(memory, 0));
        Machine.AssertPattern(memory, 0);
        pager.Dispose();
        Assert.Equal((1L, 1L), (pager.GetStatistics().PagesDropped, pager.GetStatistics().PagesFilled));
    }

    [Fact]
    public void AFaultAllocatesNothing()
    {
        using MappedMemory memory = Machine.DemandPaged(4096, MemoryBacking.Anonymous);
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(new PatternSource()));
        Machine.JoinAll(() => BringInAll(memory, 0, 4096, write: true));
        pager.Dispose();
        Assert.Equal(0, pager.GetStatistics().AllocatedBytes);
    }

    [Fact]
    public void HandlersRunOnTheirCpus()
    {
        int cpu = CpuAffinity.UsableCpus[^1];
        IReadOnlyList<int>? seen = null;
        var source = new ScriptedSource((page, destination, _) =>
        {
            Volatile.Write(ref seen, CpuAffinity.OfCurrentThread());
            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(1, MemoryBacking.Anonymous);
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, CpuOfHandler = [cpu] });
        Machine.JoinAll(() => Machine.BringIn(memory, 0));
        Assert.Equal([cpu], Volatile.Read(ref seen)!);
    }

    [Fact]
    public void OptionsAreChecked()
    {
        using MappedMemory memory = Machine.DemandPaged(2, MemoryBacking.Anonymous);
        using MappedMemory filled = MappedMemory.Create(new MappedMemoryOptions { Length = 4096 });
        using MappedMemory allocated = Machine.DemandPaged(2, MemoryBacking.SharedMemfd, populate: true);
        var source = new PatternSource();
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(filled, Options(source)));
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(allocated, Options(source)));
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(memory, Options(source, UserfaultMode.Minor)));
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(memory, Options(source, regions: 3)));
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(memory, Options(source, regions: 0)));
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(memory, new UserfaultPagerOptions()));
        Assert.Throws<ArgumentException>(() => UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, CpuOfHandler = [0, 0] }));
        using UserfaultPager pager = UserfaultPager.Start(memory, Options(source));
        Assert.Throws<InvalidOperationException>(() => UserfaultPager.Start(memory, Options(source)));
    }

    private static UserfaultPagerOptions Options(IPageSource source, UserfaultMode mode = UserfaultMode.Missing, int regions = 1, bool shared = false) =>
        new() { Source = source, Mode = mode, Regions = regions, SharedDescriptor = shared };

    private static void BringInAll(MappedMemory memory, ulong first, ulong end, bool write)
    {
        for (ulong page = first; page < end; page++)
        {
            Machine.BringIn(memory, page, write);
        }
    }
}
