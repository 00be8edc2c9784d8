using TdpMmu.Concurrency;

namespace TdpMmu.Machine;

/// <summary>Admits one vCPU at a time to an operation that keeps all others from memory.</summary>
internal sealed class BusGate
{
    private readonly ParkingLock _gate;
    private readonly RunPermits _permits;

    internal BusGate(AtomicInt word, RunPermits permits)
    {
        _gate = new ParkingLock(word);
        _permits = permits;
    }

    internal void Enter(int vcpu)
    {
        if (!_gate.TryEnter())
        {
            _permits.BeginBlocking(vcpu);
            _gate.Enter();
            _permits.EndBlocking(vcpu);
        }
    }

    internal void Exit() => _gate.Exit();
}
