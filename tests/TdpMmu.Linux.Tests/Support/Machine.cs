namespace TdpMmu.Linux.Tests;

/// <summary>Demand-paged memory, and a thread that uses it as a vCPU does: by the page states, waiting only in system calls.</summary>
internal static class Machine
{
    internal const int LimitMilliseconds = 60_000;

    internal static MappedMemory DemandPaged(ulong pages, MemoryBacking backing, bool populate = false) => MappedMemory.Create(new MappedMemoryOptions
    {
        Length = pages * PageGeometry.PageSize,
        Backing = backing,
        Filling = PageFilling.Userfault,
        Populate = populate,
    });

    /// <summary>Waits until the page is present.</summary>
    /// <exception cref="PageSourceException">It is poisoned.</exception>
    internal static void BringIn(MappedMemory memory, ulong page, bool write = true)
    {
        while (true)
        {
            switch (memory.States.Get(page))
            {
                case PageState.Present:
                    return;
                case PageState.Poisoned:
                    throw new PageSourceException($"Page {page} is poisoned.");
                default:
                    try
                    {
                        memory.Populate(page * PageGeometry.PageSize, PageGeometry.PageSize, write);
                    }
                    catch (HostMemoryException) when (memory.States.Get(page) == PageState.Poisoned)
                    {
                    }

                    break;
            }
        }
    }

    // SAFETY: the page is present, so that the load does not wait, and the memory is mapped while the test holds it.
    internal static unsafe void AssertPattern(MappedMemory memory, ulong page)
    {
        var words = new ReadOnlySpan<ulong>((void*)(memory.BaseAddress.Value + (page * PageGeometry.PageSize)), 512);
        for (int index = 0; index < words.Length; index++)
        {
            if (words[index] != PagePattern.Word(page, index))
            {
                Assert.Fail($"Word {index} of page {page} is 0x{words[index]:x}.");
            }
        }
    }

    /// <summary>Runs bodies on threads of their own, fails when one hangs, and hands back what each threw.</summary>
    internal static Exception?[] Join(params Action[] bodies)
    {
        var failures = new Exception?[bodies.Length];
        Thread[] threads = [.. bodies.Select((body, index) => new Thread(() => failures[index] = Record.Exception(body)) { IsBackground = true })];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            Assert.True(thread.Join(LimitMilliseconds), "A thread hangs.");
        }

        return failures;
    }

    internal static void JoinAll(params Action[] bodies) => Assert.All(Join(bodies), Assert.Null);

    /// <summary>Skips a test where userfaultfd is not permitted or not there.</summary>
    internal static void RequireUserfault()
    {
        HostCapability found = HostCapabilities.Probe().Single(capability => capability.Name == "userfaultfd");
        if (!found.Available)
        {
            Assert.Skip(found.Detail);
        }
    }
}
