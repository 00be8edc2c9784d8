namespace TdpMmu.Linux;

/// <summary>What the handlers of a <see cref="UserfaultPager"/> did so far, summed.</summary>
public readonly record struct UserfaultPagerStatistics
{
    /// <summary>Fault messages read. Threads that wait for the same page send one each.</summary>
    public long Messages { get; init; }

    /// <summary>Reads that delivered messages; fewer than <see cref="Messages"/> when faults came in batches.</summary>
    public long Batches { get; init; }

    /// <summary>Pages filled and published.</summary>
    public long PagesFilled { get; init; }

    /// <summary>Pages thrown away because they were discarded while their contents were on the way.</summary>
    public long PagesDropped { get; init; }

    /// <summary>Pages poisoned because the source could not supply them.</summary>
    public long PagesPoisoned { get; init; }

    /// <summary>Managed bytes that the handler threads allocated after their first batch of faults.</summary>
    public long AllocatedBytes { get; init; }

    internal UserfaultPagerStatistics Plus(UserfaultPagerStatistics other) => new()
    {
        Messages = Messages + other.Messages,
        Batches = Batches + other.Batches,
        PagesFilled = PagesFilled + other.PagesFilled,
        PagesDropped = PagesDropped + other.PagesDropped,
        PagesPoisoned = PagesPoisoned + other.PagesPoisoned,
        AllocatedBytes = AllocatedBytes + other.AllocatedBytes,
    };
}
