using TdpMmu.Concurrency;

namespace TdpMmu.Verification.Simulation;

/// <summary>The engine's virtual machine on simulated processors, or the same host without any MMU, and the memory that its guest has.</summary>
internal sealed class SimulatedMachine : IDisposable
{
    private readonly List<SimulatedMemory> _memories = [];
    private readonly long _guestAccess;

    internal SimulatedMachine(VirtualTimeController controller, SimulationOptions options)
    {
        Controller = controller;
        Options = options;
        Host = new SharedHost(controller);
        _guestAccess = MachineModel.Picoseconds(options.Machine.Operation.GuestAccess);
        var fault = options.Machine.Fault;
        var section = options.Source == SimulatedSource.AnonymousLarge ? fault.Section2M
            : options.Mmu == SimulatedMmu.Legacy ? fault.LegacySection : fault.Section;
        controller.SectionTime = MachineModel.Picoseconds(section);
        Engine = options.Mmu == SimulatedMmu.None ? null : CreateEngine(options);
        controller.LegacyLock = options.Mmu == SimulatedMmu.Legacy ? Engine!.Core.Participants.LockLines.LowHalf.Address : 0;
    }

    internal VirtualTimeController Controller { get; }

    internal SimulationOptions Options { get; }

    internal SharedHost Host { get; }

    /// <summary>The engine, if there is an MMU.</summary>
    internal VirtualMachine? Engine { get; }

    /// <summary>Pages of a touch: those of the host page that comes in.</summary>
    internal ulong PagesPerTouch => Options.Source == SimulatedSource.AnonymousLarge ? PageGeometry.PagesPer2MiB : 1;

    /// <summary>From one region of guest memory to the next, in bytes.</summary>
    internal ulong RegionStride
    {
        get
        {
            var needed = (ulong)(Options.SamplePages + SimulatedWorkload.WarmUnits) * PagesPerTouch * PageGeometry.PageSize;
            return Math.Max(Options.MemoryPerVcpu, (needed + PageGeometry.Size2MiB - 1) / PageGeometry.Size2MiB * PageGeometry.Size2MiB);
        }
    }

    /// <summary>Gives the guest a region with as many touchable units as <paramref name="touches"/>; regions are numbered in order.</summary>
    internal void AddRegion(ulong touches)
    {
        var offset = (ulong)_memories.Count * RegionStride;
        var memory = new SimulatedMemory(Controller, Host, Options.Source, offset, touches * PagesPerTouch * PageGeometry.PageSize);
        _memories.Add(memory);
        var level = PagesPerTouch == 1 ? PagingLevel.Page4KiB : PagingLevel.Page2MiB;
        _ = Engine?.AddSlot(new Gpa(offset), memory, new MemorySlotOptions { MaxPageLevel = level });
    }

    /// <summary>The guest writes to a unit of a region.</summary>
    internal void Touch(int vcpu, int region, ulong unit)
    {
        if (Engine is { } engine)
        {
            engine.Vcpus[vcpu].Store(AddressOf(region, unit), unit);
            return;
        }

        _memories[region].BringInWithoutMmu();
        Controller.Advance(_guestAccess);
    }

    /// <summary>As <see cref="Touch"/>, with its time taken.</summary>
    internal void TouchTimed(int vcpu, int region, ulong unit, VcpuRecord record)
    {
        var thread = Controller.Current;
        var start = thread.Clock;
        Touch(vcpu, region, unit);
        record.Touches++;
        record.LongestStall = Math.Max(record.LongestStall, thread.Clock - start);
    }

    /// <summary>The guest address of a unit of a region.</summary>
    internal Gpa AddressOf(int region, ulong unit) => new(((ulong)region * RegionStride) + (unit * PagesPerTouch * PageGeometry.PageSize));

    public void Dispose()
    {
        Engine?.Dispose();
        _memories.ForEach(static memory => memory.Dispose());
    }

    private static VirtualMachine CreateEngine(SimulationOptions options)
    {
        var engine = new VirtualMachineOptions
        {
            Mmu = options.Mmu == SimulatedMmu.Legacy ? MmuKind.Legacy : MmuKind.Direct,
            VcpuCount = options.Vcpus,
            RunPermitCount = options.Vcpus,
            FaultTimingInterval = int.MaxValue,
        };
        return options.Mmu == SimulatedMmu.Legacy ? new VirtualMachine(engine) : options.Lock switch
        {
            LockPolicyKind.Monolithic => VirtualMachine.CreateWithLock<SectionLock<MonolithicLock>>(engine),
            LockPolicyKind.ReadWrite => VirtualMachine.CreateWithLock<SectionLock<ReadWriteLock>>(engine),
            _ => VirtualMachine.CreateWithLock<SectionLock<RcuLock>>(engine),
        };
    }
}
