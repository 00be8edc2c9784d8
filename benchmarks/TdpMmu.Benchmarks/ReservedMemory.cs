namespace TdpMmu.Benchmarks;

/// <summary>
/// Host memory that is declared resident without being touched: for benchmarks of the MMU alone, which map pages and never read them.
/// </summary>
internal sealed class ReservedMemory(ulong length) : HostMemory(new Hva(1UL << 40), length, PageFilling.Resident, source: null)
{
    public override void Populate(ulong offset, ulong length, bool write)
    {
    }

    protected internal override void Discard(ulong offset, ulong length)
    {
    }
}
