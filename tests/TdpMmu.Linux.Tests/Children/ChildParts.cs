using System.Runtime.CompilerServices;

namespace TdpMmu.Linux.Tests;

/// <summary>What runs in child processes, because it may never end.</summary>
internal static class ChildParts
{
    internal const string CollectWhilePopulating = "collect-while-populating";
    internal const string CollectWhileLoading = "collect-while-loading";
    internal const string Touching = "touching";
    internal const string Done = "done";
    private const ulong Pages = 256;

    internal static int Run(string part)
    {
        switch (part)
        {
            case CollectWhilePopulating:
                Collect((memory, page) => memory.Populate(page * PageGeometry.PageSize, PageGeometry.PageSize, write: true));
                return 0;
            case CollectWhileLoading:
                Collect((memory, page) => Load(memory.BaseAddress.Value + (page * PageGeometry.PageSize)));
                return 0;
            default:
                Console.Error.WriteLine($"There is no part '{part}'.");
                return 2;
        }
    }

    // SAFETY: the address lies in the memory, which is mapped for as long as the child touches it. The method is optimised, as measured code is: the
    // runtime can stop a thread only at points that it chose, and there is none at the load.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static unsafe long Load(ulong address) => *(long*)address;

    /// <summary>The page source forces a collection for every page while another managed thread waits for that page.</summary>
    private static void Collect(Action<MappedMemory, ulong> touch)
    {
        var source = new ScriptedSource((page, destination, _) =>
        {
            GC.Collect();
            PagePattern.Fill(page, destination);
        });
        using MappedMemory memory = Machine.DemandPaged(Pages, MemoryBacking.Anonymous);
        using UserfaultPager pager = UserfaultPager.Start(memory, new UserfaultPagerOptions { Source = source });
        Console.WriteLine(Touching);
        Console.Out.Flush();
        for (ulong page = 0; page < Pages; page++)
        {
            touch(memory, page);
            Machine.AssertPattern(memory, page);
        }

        Console.WriteLine(Done);
    }
}
