namespace TdpMmu;

/// <summary>
/// The time in which the host may change the memory behind a range of guest frames: no vCPU has a translation of it, and faults on
/// it wait until the scope is disposed.
/// </summary>
/// <remarks>
/// Reading or writing the range through the machine waits until the scope is disposed, for the thread that owns it too. To drop pages so
/// that the machine knows, use <see cref="VirtualMachine.Discard"/>. May be disposed by another thread than the one that began it; disposing twice does nothing.
/// </remarks>
public sealed class InvalidationScope : IDisposable
{
    private readonly VirtualMachine _machine;
    private readonly Slots.PublishedRange _published;

    internal InvalidationScope(VirtualMachine machine, GfnRange range, Slots.PublishedRange published)
    {
        _machine = machine;
        _published = published;
        Range = range;
    }

    /// <summary>The guest frames.</summary>
    public GfnRange Range { get; }

    /// <summary>Ends the invalidation: faults see what the host did.</summary>
    public void Dispose() => _machine.EndInvalidation(_published);
}
