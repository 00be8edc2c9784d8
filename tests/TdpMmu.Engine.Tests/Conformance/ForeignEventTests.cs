using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Pages that appear behind the machine's back.</summary>
public sealed class ForeignEventTests : EngineTest
{
    [Fact]
    public void A_page_that_no_handler_delivered_breaks_the_machine() => Within(20, () =>
    {
        // Userfault memory whose host says that pages are there, and whose states nobody ever publishes.
        var memory = NativeHostMemory.Create(4, PageFilling.Userfault);
        var machine = new VirtualMachine(new VirtualMachineOptions());
        machine.AddSlot(default, memory);
        var failure = Assert.Throws<HostMemoryException>(() => machine.Vcpus[0].Run(vcpu => vcpu.Load<ulong>(default)));
        Assert.Contains("handler", failure.Message, StringComparison.Ordinal);
        Assert.Throws<VirtualMachineBrokenException>(() => machine.Read<ulong>(new Gpa(4096)));
        machine.Dispose();
        memory.Dispose();
    });
}
