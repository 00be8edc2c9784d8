namespace TdpMmu.Cli.DemandPaging;

/// <summary>Looks at every byte of the guest's memory after a run.</summary>
internal static class RunVerification
{
    private const ulong CancellationMask = 4095;

    public delegate void PageReader(ulong page, Span<byte> destination);

    /// <summary>What is wrong with the run's memory, or null.</summary>
    public static string? FindFault(DemandPagingOptions options, WorkerRecord[] records, PageReader read, CancellationToken cancellationToken)
    {
        for (int vcpu = 0; vcpu < records.Length; vcpu++)
        {
            if (records[vcpu].FirstMismatch is { } mismatch)
            {
                return $"vCPU {vcpu} saw wrong content in page {mismatch}";
            }

            if (records[vcpu].PagesTouched != options.PagesOf(vcpu).Count)
            {
                return $"vCPU {vcpu} touched {records[vcpu].PagesTouched} of {options.PagesOf(vcpu).Count} pages";
            }
        }

        byte[] content = new byte[PageGeometry.PageSize];
        ulong pagesPerVcpu = options.MemoryPerVcpu / PageGeometry.PageSize;
        for (ulong page = 0; page < options.GuestPages; page++)
        {
            if ((page & CancellationMask) == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            read(page, content);
            (int writers, int firstWriter) = options switch
            {
                { Access: FirstAccess.Read } => (0, 0),
                { Pattern: TouchPattern.Overlapping } => (options.Vcpus, 0),
                _ => (1, (int)(page / pagesPerVcpu)),
            };
            if (!PagePattern.Matches(page, content, options.HasPattern, writers, firstWriter))
            {
                return $"page {page} holds wrong content after the run";
            }
        }

        return null;
    }
}
