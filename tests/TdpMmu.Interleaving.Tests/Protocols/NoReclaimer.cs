using TdpMmu.Concurrency;

namespace TdpMmu.Interleaving.Tests.Protocols;

/// <summary>For epochs under which nothing is retired.</summary>
internal sealed class NoReclaimer : IEpochReclaimer
{
    public void Reclaim(int participant, nint address, int kind) => throw new InvalidOperationException("Nothing was retired.");
}
