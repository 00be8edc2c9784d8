using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>The host reads guest memory.</summary>
internal sealed class HostRead : MachineOperation
{
    internal override string Name => "host-read";

    internal override string Summary => "the host reads a page of the guest";

    internal override IReadOnlyList<StartState> Starts => [StartState.Mapped];

    internal override void Run(CheckedMachine machine, int thread, int vcpu)
    {
        if (machine.ReadAsHost(0) is { } value && !machine.Values.MayBeRead(0, value))
        {
            throw new FindingException($"The host reads 0x{value:x} from frame 0, which nobody wrote.");
        }
    }
}
