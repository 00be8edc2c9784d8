using TdpMmu.Concurrency;

namespace TdpMmu.Machine;

/// <summary>An operation that disposing waits for.</summary>
internal readonly ref struct Admitted(Admission admission)
{
    /// <summary>Ends the operation.</summary>
    public void Dispose() => admission.Leave();
}
