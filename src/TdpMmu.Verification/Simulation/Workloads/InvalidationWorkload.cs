namespace TdpMmu.Verification.Simulation;

/// <summary>vCPUs use memory that is mapped while host threads take pieces of it away, one after the other without a pause.</summary>
internal sealed class InvalidationWorkload(SimulationOptions options) : SimulatedWorkload
{
    // Guest code between two accesses. Without it a vCPU would be nothing but accesses, of which a simulation has to make each.
    private const long GuestWork = 5_000_000;

    // The host's own change of a page's mapping inside the invalidation.
    private const long HostWorkPerPage = 50_000;

    private readonly List<long> _latencies = [];
    private int _running = options.Invalidators;

    internal override int HostThreads => options.Invalidators;

    internal override bool IsFinite => false;

    /// <summary>How long each invalidation took, in picoseconds.</summary>
    internal IReadOnlyList<long> Latencies => _latencies;

    internal override void Prepare(SimulatedMachine machine)
    {
        for (var region = 0; region < (options.Overlapping ? 1 : options.Vcpus); region++)
        {
            machine.AddRegion((ulong)options.SamplePages);
        }
    }

    internal override void WarmUp(SimulatedMachine machine, int vcpu, int stage)
    {
        for (var unit = 0; unit < options.SamplePages; unit++)
        {
            machine.Touch(vcpu, options.Overlapping ? 0 : vcpu, (ulong)unit);
        }
    }

    internal override void RunVcpu(SimulatedMachine machine, int vcpu, VcpuRecord record)
    {
        for (var unit = 0; _running != 0; unit = (unit + 1) % options.SamplePages)
        {
            machine.TouchTimed(vcpu, options.Overlapping ? 0 : vcpu, (ulong)unit, record);
            machine.Controller.Advance(GuestWork);
        }
    }

    internal override void RunHostThread(SimulatedMachine machine, int index)
    {
        var random = new SeededSequence(options.Seed + (ulong)index);
        var pages = (ulong)Math.Min(options.InvalidationPages, options.SamplePages);
        for (var turn = 0; turn < options.InvalidationsEach; turn++)
        {
            var region = options.Overlapping ? 0 : (int)random.Below((ulong)options.Vcpus);
            var first = random.Below(((ulong)options.SamplePages / pages)) * pages;
            var thread = machine.Controller.Current;
            var start = thread.Clock;
            using (machine.Engine!.BeginInvalidation(new GfnRange(machine.AddressOf(region, first).Frame, pages * machine.PagesPerTouch)))
            {
                _latencies.Add(thread.Clock - start);
                machine.Controller.Advance(HostWorkPerPage * (long)pages);
            }
        }

        _running--;
    }
}
