using TdpMmu.Machine;

namespace TdpMmu.Engine.Tests.Support;

internal static class HostLaneExtensions
{
    /// <summary>Runs an operation of the MMU on a host lane.</summary>
    internal static T OnHostLane<T>(this VirtualMachine machine, Func<int, T> operation)
    {
        using var lane = new HostLane(machine.Core);
        return operation(lane.Index);
    }
}
