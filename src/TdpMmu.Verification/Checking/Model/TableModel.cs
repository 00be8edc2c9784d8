namespace TdpMmu.Verification;

/// <summary>What the oracle knows about a page table.</summary>
internal sealed class TableModel(nint address)
{
    /// <summary>Where the table is.</summary>
    internal nint Address { get; } = address;

    /// <summary>Whether it was linked, and whether it was cut off since.</summary>
    internal TableLife Life { get; set; }

    /// <summary>The level of its entries, once it was linked.</summary>
    internal PagingLevel Level { get; set; }

    /// <summary>The first frame that it maps, once it was linked.</summary>
    internal Gfn Start { get; set; }

    /// <summary>When each entry got its present value.</summary>
    internal long[] Created { get; } = new long[512];

    /// <summary>When it was linked.</summary>
    internal long LinkedAt { get; set; }

    /// <summary>When it was cut off, on the adversary's clock.</summary>
    internal long UnlinkedAt { get; set; }
}
