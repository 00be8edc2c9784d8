using TdpMmu.Concurrency;
using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Lifetimes;

/// <summary>What belongs to whom, and for how long.</summary>
public sealed class OwnershipTests : EngineTest
{
    private static readonly Gpa s_base = new(1UL << 30);

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Memory_is_shown_by_one_machine_at_a_time(string configuration)
    {
        var memory = Own(NativeHostMemory.Create(4));
        var first = Own(MachineFactory.Create(configuration));
        var second = Own(MachineFactory.Create(configuration));
        var slot = first.AddSlot(s_base, memory);
        var alias = first.AddSlot(default, memory);
        Assert.Throws<InvalidOperationException>(() => second.AddSlot(s_base, memory));
        first.DeleteSlot(slot);
        Assert.Throws<InvalidOperationException>(() => second.AddSlot(s_base, memory));
        Assert.Empty(second.Slots);

        // A slot that was refused for another reason holds nothing.
        Assert.Throws<ArgumentException>(() => first.AddSlot(default, memory));
        first.DeleteSlot(alias);
        second.AddSlot(s_base, memory);
        Assert.Throws<InvalidOperationException>(() => first.AddSlot(s_base, memory));
        On(second, static vcpu => vcpu.Store(s_base, 1));
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Memory_that_a_slot_shows_is_not_disposed(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration));
        var memory = NativeHostMemory.Create(4);
        var slot = machine.AddSlot(s_base, memory);
        On(machine, static vcpu => vcpu.Store(s_base, 5));
        Assert.Throws<InvalidOperationException>(memory.Dispose);
        Assert.Equal(5, machine.Read<int>(s_base));
        On(machine, static vcpu => Assert.Equal(5, vcpu.Load<int>(s_base)));
        machine.DeleteSlot(slot);
        memory.Dispose();
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => machine.AddSlot(s_base, memory));
        Assert.Throws<GuestMemoryException>(() => machine.Read<int>(s_base));
    }

    [Fact]
    public void The_states_of_memory_that_is_gone_refuse_every_page()
    {
        var memory = NativeHostMemory.Create(4, PageFilling.HostFilled);
        var states = memory.States;
        Assert.True(states.TryClaim(1));
        memory.Dispose();
        Assert.Throws<ArgumentOutOfRangeException>(() => states.Get(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.IsPresent(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.Request(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.TryClaim(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.TryPublish(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.Abandon(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.Poison(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.PoisonMissing(0, 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => states.WaitWhileInFlight(1, 0));
        states.PoisonMissing();
        states.Dispose();
    }

    [Fact]
    public void The_lines_of_participants_that_are_gone_are_refused()
    {
        var participants = new ParticipantTable(2, 1);
        var lane = participants.LeaseHostLane();
        participants.ReturnHostLane(lane);
        participants.Dispose();
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.Section(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.Window(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.Request(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.TryOccupyVcpu(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.VacateVcpu(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => participants.ReturnHostLane(lane));
        Assert.Throws<ObjectDisposedException>(() => participants.LeaseHostLane());
        participants.Dispose();
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_vcpu_that_does_not_run_reaches_nothing(string configuration)
    {
        var machine = MachineFactory.Create(configuration, vcpus: 2);
        var memory = Own(NativeHostMemory.Create(4));
        machine.AddSlot(s_base, memory);
        var vcpu = machine.Vcpus[1];
        StrayAccesses.Fail<InvalidOperationException>(vcpu, s_base);
        On(
            machine,
            running =>
            {
                running.Store(s_base, 5L);
                running.Store(s_base.Plus(4096), 5L);
            },
            vcpu: 1);
        StrayAccesses.Fail<InvalidOperationException>(vcpu, s_base);
        machine.Run(static running => running.Store(s_base, 5L), Token);
        StrayAccesses.Fail<InvalidOperationException>(vcpu, s_base);

        // Nor does a refusal leave anything open that a flush waits for.
        Within(30, () => machine.Zap(new GfnRange(s_base.Frame, 4)));
        LeakCheck.IsQuiet(machine);
        machine.Dispose();
        StrayAccesses.Fail<ObjectDisposedException>(vcpu, s_base);
    }
}
