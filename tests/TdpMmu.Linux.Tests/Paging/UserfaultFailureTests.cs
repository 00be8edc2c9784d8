namespace TdpMmu.Linux.Tests;

/// <summary>Each failure ends in a clear error and no thread that hangs.</summary>
public sealed class UserfaultFailureTests : LeakChecked
{
    public UserfaultFailureTests()
    {
        Machine.RequireUserfault();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AHandlerThatDiesPoisonsItsRegionAndLetsItsWaitersOut(bool withoutPoison)
    {
        MappedMemory? remapped = null;
        var source = new ScriptedSource((page, destination, _) =>
        {
            if (page == 0)
            {
                // Another mapping takes the page's place, so that the kernel finds nothing registered there.
                ulong address = remapped!.BaseAddress.Value;
                Assert.NotEqual(
                    MapConstants.Failed,
                    LibC.MemoryMap((nint)address, 4096, MapConstants.ProtectReadWrite, MapConstants.Private | MapConstants.Anonymous | MapConstants.Fixed, -1, 0));
            }

            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(8, MemoryBacking.Anonymous);
        remapped = memory;
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, Regions = 2, WithoutPoison = withoutPoison });
        var events = new List<UserfaultFailureEventArgs>();
        using var failed = new ManualResetEventSlim();
        pager.Failed += (_, failure) =>
        {
            events.Add(failure);
            failed.Set();
        };
        Exception?[] failures = Machine.Join(
            () => Machine.BringIn(memory, 0),
            () => Machine.BringIn(memory, 0),
            () =>
            {
                failed.Wait(Machine.LimitMilliseconds, TestContext.Current.CancellationToken);
                Machine.BringIn(memory, 3);
            },
            () => Machine.BringIn(memory, 4));
        Assert.IsType<PageSourceException>(failures[0]);
        Assert.IsType<PageSourceException>(failures[1]);
        Assert.IsType<PageSourceException>(failures[2]);
        Assert.Null(failures[3]);
        Machine.AssertPattern(memory, 4);
        HostMemoryException failure = Assert.IsType<HostMemoryException>(pager.Failure);
        Assert.Equal("ENOENT", failure.ErrorName);
        Assert.Equal(0, Assert.Single(events).Region);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void APageDiscardedAfterTheHandlerDiedIsRefusedAndDoesNotHang(bool withoutPoison)
    {
        MappedMemory? remapped = null;
        var source = new ScriptedSource((page, destination, _) =>
        {
            Assert.NotEqual(
                MapConstants.Failed,
                LibC.MemoryMap((nint)remapped!.BaseAddress.Value, 4096, MapConstants.ProtectReadWrite, MapConstants.Private | MapConstants.Anonymous | MapConstants.Fixed, -1, 0));
            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(4, MemoryBacking.Anonymous);
        remapped = memory;
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, WithoutPoison = withoutPoison });
        Assert.IsType<PageSourceException>(Machine.Join(() => Machine.BringIn(memory, 0))[0]);
        Machine.Join(() =>
        {
            while (pager.Failure is null)
            {
                Thread.Yield();
            }
        });
        memory.Discard(8192, 4096);
        memory.States.Discard(2, 1);
        Assert.IsType<PageSourceException>(Machine.Join(() => Machine.BringIn(memory, 2))[0]);
    }

    [Theory]
    [InlineData(MemoryBacking.Anonymous, UserfaultMode.Missing)]
    [InlineData(MemoryBacking.SharedMemfd, UserfaultMode.Minor)]
    public void ADescriptorClosedUnderWaitersEndsInAnErrorAndNotInZeros(MemoryBacking backing, UserfaultMode mode)
    {
        using var fetching = new ManualResetEventSlim();
        using var closed = new ManualResetEventSlim();
        var source = new ScriptedSource((page, destination, _) =>
        {
            fetching.Set();
            closed.Wait(CancellationToken.None);
            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(4, backing);
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source, Mode = mode });
        Action waiter = () => Machine.BringIn(memory, 1);
        Exception?[] failures = Machine.Join(
            waiter,
            waiter,
            () =>
            {
                fetching.Wait(TestContext.Current.CancellationToken);
                using DescriptorHandle other = DescriptorHandle.CreateEvent();

                // The number stays taken, so that the pager closes what took the descriptor's place and nothing else.
                int number = pager.Handlers[0].Descriptor.Handle.Number;
                Assert.Equal(number, LibC.Duplicate(other.Number, number));
                closed.Set();
            });
        Assert.True(failures[0] is PageSourceException or HostMemoryException, failures[0]?.ToString());
        Assert.True(failures[1] is PageSourceException or HostMemoryException, failures[1]?.ToString());
        Assert.Null(failures[2]);
        Assert.IsType<HostMemoryException>(pager.Failure);
        Assert.NotEqual(PageState.Present, memory.States.Get(1));
    }

    [Fact]
    public void AHandlerThreadCannotDisposeItsPager()
    {
        UserfaultPager? disposing = null;
        var source = new ScriptedSource((_, _, _) => disposing!.Dispose());
        using MappedMemory memory = Machine.DemandPaged(1, MemoryBacking.Anonymous);
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source });
        disposing = pager;
        Assert.IsType<PageSourceException>(Machine.Join(() => Machine.BringIn(memory, 0))[0]);
        Assert.IsType<InvalidOperationException>(pager.SourceFailure);
    }

    [Fact]
    public void ARangeThatIsMisalignedOrNotMappedIsNotRegistered()
    {
        using MappedMemory memory = Machine.DemandPaged(4, MemoryBacking.Anonymous);
        using Userfaultfd descriptor = Userfaultfd.Open(UserfaultFeatures.None);
        ulong start = memory.BaseAddress.Value;
        HostMemoryException misaligned = Assert.Throws<HostMemoryException>(() => descriptor.Register(start + 1, 4096, UserfaultRegistration.Missing));
        Assert.Equal("EINVAL", misaligned.ErrorName);
        Assert.Contains("page-aligned", misaligned.Message, StringComparison.Ordinal);
        Assert.Throws<HostMemoryException>(() => descriptor.Register(start, 4095, UserfaultRegistration.Missing));
        Assert.Throws<HostMemoryException>(() => descriptor.Register(start, 0, UserfaultRegistration.Missing));
        Assert.Throws<HostMemoryException>(() => descriptor.Register(0x10000, 4096, UserfaultRegistration.Missing));
        Assert.Throws<HostMemoryException>(() => descriptor.Register(start, 4096, UserfaultRegistration.Minor));
    }

    [Fact]
    public void APagerWhoseRangeBelongsToAnotherDescriptorDoesNotStartAndLeavesNothing()
    {
        using MappedMemory memory = Machine.DemandPaged(4, MemoryBacking.Anonymous);
        using (Userfaultfd other = Userfaultfd.Open(UserfaultFeatures.None))
        {
            other.Register(memory.BaseAddress.Value + 8192, 8192, UserfaultRegistration.Missing);
            long descriptors = LiveResources.Descriptors;
            HostMemoryException failure = Assert.Throws<HostMemoryException>(
                () => UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = new PatternSource(), Regions = 2 }));
            Assert.Equal("EBUSY", failure.ErrorName);
            Assert.Equal(descriptors, LiveResources.Descriptors);
        }

        // Nothing was served or poisoned, so that a second try works.
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = new PatternSource(), Regions = 2 });
        Machine.JoinAll(() => Machine.BringIn(memory, 3));
        Machine.AssertPattern(memory, 3);
    }
}
