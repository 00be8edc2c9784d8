using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>
/// Stands between a thread and the scheduler and leaves out something that the protocols rely on, so that the tests can show that they notice.
/// </summary>
internal sealed class WeakenedController : AtomicsController
{
    private readonly AtomicsController _inner = Atomics.AttachedController!;
    private readonly Weakness _weakness;

    private WeakenedController(Weakness weakness) => _weakness = weakness;

    /// <summary>Makes a body run weakened.</summary>
    internal static Action Weaken(Weakness weakness, Action body) => weakness == Weakness.None ? body : () => new WeakenedController(weakness).RunAttached(body);

    public override ulong Load(nint address, int size, MemoryOrder order) => _inner.Load(address, size, order);

    public override void Store(nint address, int size, ulong value, MemoryOrder order) => _inner.Store(address, size, value, order);

    public override ulong Exchange(nint address, int size, ulong value) => _inner.Exchange(address, size, value);

    public override ulong CompareExchange(nint address, int size, ulong value, ulong comparand) => _inner.CompareExchange(address, size, value, comparand);

    public override ulong Add(nint address, int size, ulong value) => _inner.Add(address, size, value);

    public override ulong And(nint address, int size, ulong value) => _inner.And(address, size, value);

    public override ulong Or(nint address, int size, ulong value) => _inner.Or(address, size, value);

    public override void CopyBytes(nint source, nint destination, int length, bool sourceIsShared) => _inner.CopyBytes(source, destination, length, sourceIsShared);

    public override void FullFence() => _inner.FullFence();

    public override void ProcessWideFence()
    {
        if (_weakness == Weakness.ProcessWideFenceIsLocal)
        {
            _inner.FullFence();
        }
        else
        {
            _inner.ProcessWideFence();
        }
    }

    public override bool Park(nint address, uint expected, long timeoutNanoseconds) => _inner.Park(address, expected, timeoutNanoseconds);

    public override void Wake(nint address, int count)
    {
        if (_weakness != Weakness.WakeIsLost)
        {
            _inner.Wake(address, count);
        }
    }

    public override bool AwaitChange(nint address, ulong observed, long timeoutNanoseconds) => _inner.AwaitChange(address, observed, timeoutNanoseconds);

    public override void SpinHint() => _inner.SpinHint();

    public override int SpinRounds(int rounds) => _inner.SpinRounds(rounds);

    public override nint Allocate(nuint bytes, nuint alignment) => _inner.Allocate(bytes, alignment);

    public override void Quarantine(nint address, nuint bytes) => _inner.Quarantine(address, bytes);

    public override void Readmit(nint address, nuint bytes) => _inner.Readmit(address, bytes);

    public override ulong BeginPast() => _inner.BeginPast();

    public override void ForgetPast(ulong mark, ulong kept) => _inner.ForgetPast(mark, kept);

    public override long Now() => _inner.Now();

    public override ControlledThread StartThread(string name, Action body) => _inner.StartThread(name, Weaken(_weakness, body));
}
