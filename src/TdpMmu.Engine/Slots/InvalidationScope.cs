namespace TdpMmu;

/// <summary>
/// The time in which the host may change the memory behind a range of guest frames: no vCPU has a translation of it, and faults on
/// it wait until the scope is disposed.
/// </summary>
/// <remarks>May be disposed by another thread than the one that began it; disposing twice does nothing.</remarks>
public sealed class InvalidationScope : IDisposable
{
    private readonly VirtualMachine _machine;
    private readonly int _place;
    private bool _ended;

    internal InvalidationScope(VirtualMachine machine, GfnRange range, int place)
    {
        _machine = machine;
        _place = place;
        Range = range;
    }

    /// <summary>The guest frames.</summary>
    public GfnRange Range { get; }

    /// <summary>Ends the invalidation: faults see what the host did.</summary>
    public void Dispose()
    {
        if (!_ended)
        {
            _ended = true;
            _machine.EndInvalidation(_place);
        }
    }
}
