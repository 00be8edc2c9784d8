using TdpMmu.Interleaving;

namespace TdpMmu.Verification;

/// <summary>Names the words of a machine for traces.</summary>
internal static class MachineLabels
{
    internal static void Add(Execution execution, VirtualMachine machine)
    {
        var participants = machine.Core.Participants;
        for (var participant = 0; participant < participants.Count; participant++)
        {
            var owner = participant < participants.VcpuCount ? $"vCPU {participant}" : $"lane {participant - participants.VcpuCount}";
            execution.Label(participants.Section(participant).Address, sizeof(ulong), $"section of {owner}");
            execution.Label(participants.Window(participant).Address, sizeof(ulong), $"window of {owner}");
            execution.Label(participants.Reference(participant).Address, sizeof(ulong), $"reference of {owner}");
            execution.Label(participants.Request(participant).Address, sizeof(ulong), $"request of {owner}");
            execution.Label(participants.Lease(participant).Address, sizeof(uint), $"lease of {owner}");
        }

        execution.Label(participants.LockLines.Address, sizeof(ulong), "MMU lock");
    }
}
