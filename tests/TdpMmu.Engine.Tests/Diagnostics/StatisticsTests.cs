using System.Diagnostics.Tracing;
using TdpMmu.Diagnostics;
using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Diagnostics;

/// <summary>Counters, histograms and events say what happened.</summary>
public sealed unsafe class StatisticsTests : EngineTest
{
    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Counters_are_those_of_a_known_sequence(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2, timingInterval: 1, mmio: static (_, _, data, _) => data.Clear()));
        var memory = Own(NativeHostMemory.Create(1024, skipPages: 1));
        machine.AddSlot(default, memory);
        On(machine, static vcpu =>
        {
            for (var page = 0UL; page < 100; page++)
            {
                vcpu.Store(new Gfn(page).Address, page);
                vcpu.Store(new Gfn(page).Address, page + 1);
            }

            _ = vcpu.Load<int>(new Gfn(5000).Address);
        });
        machine.OnHostLane(lane =>
        {
            machine.Mmu.WriteProtect(lane, new GfnRange(default, 10), keepMmuWritable: true);
            return true;
        });
        On(machine, static vcpu => vcpu.Store(new Gfn(3).Address, 1));
        using (machine.BeginInvalidation(new GfnRange(new Gfn(50), 10)))
        {
        }

        var statistics = machine.GetStatistics();
        Assert.Equal(102UL, statistics.Faults);
        Assert.Equal(102UL, statistics.Vcpus[0].Faults);
        Assert.Equal(0UL, statistics.Vcpus[1].Faults);
        Assert.Equal(102UL, statistics.FaultLatency.Count);
        Assert.Equal(1UL, statistics.Vcpus[0].FastFaults);
        Assert.Equal(1UL, statistics.Vcpus[0].MmioExits);
        Assert.Equal(0UL, statistics.Retries);
        Assert.Equal(90, statistics.Leaves4KiB);
        Assert.Equal(2UL, statistics.TlbFlushes);
        Assert.Equal(2UL, statistics.FlushLatency.Count);
        Assert.Equal(1UL, statistics.InvalidationLatency.Count);
        Assert.Equal(4 * 4096, statistics.TableBytes);
        Assert.True(statistics.TableReservedBytes >= statistics.TableBytes);
        Assert.Equal(memory.States.Bytes, statistics.PageStateBytes);
        Assert.InRange(statistics.PageStateBytes, 1, 1024);
        Assert.True(statistics.RunNanoseconds > 0);
        if (configuration.Contains("direct", StringComparison.Ordinal))
        {
            Assert.Equal(0, statistics.MetadataBytes);
        }
    }

    [Fact]
    public void Percentiles_lie_within_six_percent_and_the_ends_are_exact()
    {
        var random = new Random(11);
        var values = Enumerable.Range(0, 20_000).Select(_ => (long)Math.Exp(random.NextDouble() * 25)).ToArray();
        var buckets = new LatencyBuckets();
        foreach (var value in values)
        {
            buckets.Record(value);
        }

        var histogram = new LatencyHistogram();
        histogram.Add(&buckets);
        Array.Sort(values);
        Assert.Equal(20_000UL, histogram.Count);
        Assert.Equal((ulong)values[0], histogram.Minimum);
        Assert.Equal((ulong)values[^1], histogram.Maximum);
        foreach (var fraction in new[] { 0.01, 0.1, 0.5, 0.9, 0.99, 0.999 })
        {
            var exact = values[(int)Math.Ceiling(fraction * values.Length) - 1];
            Assert.InRange(histogram.Percentile(fraction), exact / 1.0625, exact * 1.0625);
        }

        Assert.InRange(histogram.Percentile(1), histogram.Maximum / 1.0625, histogram.Maximum);
        Assert.Throws<ArgumentOutOfRangeException>(() => histogram.Percentile(1.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => histogram.Percentile(double.NaN));
        Assert.Equal(0UL, new LatencyHistogram().Percentile(0.5));
    }

    [Fact]
    public void Histograms_add_up_and_take_the_extremes()
    {
        var buckets = new LatencyBuckets();
        buckets.Record(-5);
        buckets.Record(long.MaxValue);
        var other = new LatencyBuckets();
        other.Record(7);
        var histogram = new LatencyHistogram();
        histogram.Add(&other);
        histogram.Add(&buckets);
        Assert.Equal(3UL, histogram.Count);
        Assert.Equal(0UL, histogram.Minimum);
        Assert.Equal((ulong)long.MaxValue, histogram.Maximum);
        Assert.Equal(7UL, histogram.Percentile(0.5));
    }

    [Fact]
    public void A_listener_is_told_of_faults_entries_flushes_and_invalidations()
    {
        using var listener = new Listener();
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        machine.AddSlot(default, Own(NativeHostMemory.Create(4, skipPages: 1)));
        listener.EnableEvents(MmuEventSource.Log, EventLevel.Verbose, EventKeywords.All);
        On(machine, static vcpu => vcpu.Store(new Gpa(0x1234), (byte)1));
        using (machine.BeginInvalidation(new GfnRange(new Gfn(1), 1)))
        {
        }

        listener.DisableEvents(MmuEventSource.Log);
        On(machine, static vcpu => vcpu.Store(new Gpa(0x1234), (byte)1));
        Assert.Equal("", string.Join(Environment.NewLine, listener.Events.Where(static name => name.Contains("ERROR", StringComparison.Ordinal))));
        Assert.Equal("Fault 0 4660 2 0", Assert.Single(listener.Events, static name => name.StartsWith("Fault ", StringComparison.Ordinal)));

        // Three tables and the leaf come, and the leaf goes.
        var entries = listener.Events.Where(static name => name.StartsWith("EntryChanged ", StringComparison.Ordinal)).Select(static name => name.Split(' ')).ToList();
        Assert.Equal("4 3 2 1 1", string.Join(" ", entries.Select(static entry => entry[2])));
        Assert.Equal("0", entries[3][3]);
        Assert.Equal(entries[3][4][..^4], entries[4][3][..^4]);
        Assert.Equal("0", entries[4][4]);
        Assert.Single(listener.Events, static name => name.StartsWith("TlbFlush ", StringComparison.Ordinal));
        Assert.StartsWith(
            "Invalidation 1 1 1 ", Assert.Single(listener.Events, static name => name.StartsWith("Invalidation ", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    private sealed class Listener : EventListener
    {
        internal List<string> Events { get; } = [];

        protected override void OnEventWritten(EventWrittenEventArgs eventData) =>
            Events.Add(eventData.EventName + " " + string.Join(' ', eventData.Payload!));
    }
}
