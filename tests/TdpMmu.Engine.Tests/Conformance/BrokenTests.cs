using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>What is left of a machine whose invariants do not hold.</summary>
public sealed unsafe class BrokenTests : EngineTest
{
    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_broken_machine_says_so_and_can_be_disposed(string configuration)
    {
        if (configuration.EndsWith("legacy", StringComparison.Ordinal))
        {
            Assert.Skip("The legacy MMU has no walks to count.");
        }

        var machine = MachineFactory.Create(configuration);
        machine.AddSlot(default, Own(NativeHostMemory.Create(1)));

        // SAFETY: nothing runs. A walk that is never closed breaks the next section of the vCPU.
        machine.Core.Counters.Of(0)->OpenWalks = 1;
        Assert.Throws<InvariantViolationException>(() => On(machine, static vcpu => vcpu.Store(default, 1)));
        Assert.Throws<VirtualMachineBrokenException>(() => On(machine, static vcpu => vcpu.Store(default, 1)));
        Assert.Throws<VirtualMachineBrokenException>(() => machine.Zap(default));
        Within(20, machine.Dispose);
    }
}
