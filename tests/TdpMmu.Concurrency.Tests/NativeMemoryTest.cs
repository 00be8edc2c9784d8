namespace TdpMmu.Concurrency.Tests;

/// <summary>A test after which no native memory may be left over.</summary>
public abstract class NativeMemoryTest : IDisposable
{
    private readonly long _before = NativeBlock.LiveBytes;
    private readonly List<NativeBlock> _blocks = [];

    public void Dispose()
    {
        _blocks.ForEach(block => block.Dispose());
        Assert.Equal(_before, NativeBlock.LiveBytes);
        GC.SuppressFinalize(this);
    }

    /// <summary>A block that lives as long as the test.</summary>
    protected NativeBlock Allocate(nuint bytes)
    {
        _blocks.Add(new NativeBlock(bytes));
        return _blocks[^1];
    }

    /// <summary>Bytes of managed memory that one thousand calls allocate on this thread, after a warm-up.</summary>
    protected static long AllocatedBy(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        for (var call = 0; call < 200; call++)
        {
            action();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var call = 0; call < 1000; call++)
        {
            action();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>Runs the bodies on threads of their own and rethrows what one of them throws.</summary>
    protected static void RunTogether(params Action[] bodies)
    {
        var threads = bodies.Select((body, index) => Atomics.StartThread($"test {index}", body)).ToList();
        foreach (var thread in threads)
        {
            Assert.True(thread.Join(TimeSpan.FromSeconds(60)), "A thread hangs.");
        }
    }
}
