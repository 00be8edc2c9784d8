using TdpMmu.Engine.Tests.Support;

namespace TdpMmu.Engine.Tests.Conformance;

/// <summary>Running, stopping, cancelling, failing and disposing.</summary>
public sealed class LifecycleTests : EngineTest
{
    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Disposing_stops_running_vcpus(string configuration)
    {
        var machine = MachineFactory.Create(configuration, vcpus: 5, permits: 2);
        var memory = Own(NativeHostMemory.Create(16));
        machine.AddSlot(default, memory);
        Within(30, () =>
        {
            var failure = default(Exception);
            var runner = new Thread(() => failure = Record.Exception(() => machine.Run(Spin, Token)));
            runner.Start();
            Await(memory, started: 5);
            machine.Dispose();
            runner.Join();
            Assert.IsAssignableFrom<OperationCanceledException>(failure);
        });
        Assert.Throws<ObjectDisposedException>(() => machine.Run(Spin, Token));
        Assert.Throws<ObjectDisposedException>(() => machine.Read<int>(default));
        Assert.Throws<ObjectDisposedException>(() => machine.AddSlot(default, memory));
        Assert.Throws<ObjectDisposedException>(() => machine.Zap(new GfnRange(default, 1)));
        Assert.Throws<ObjectDisposedException>(() => machine.Discard(default, 4096));
        Assert.Throws<ObjectDisposedException>(() => machine.GetStatistics());
        Assert.Throws<ObjectDisposedException>(() => machine.Vcpus[0].Run(Spin));
        Assert.Throws<ObjectDisposedException>(() => machine.BeginInvalidation(default));
        machine.Dispose();
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void Disposing_calls_off_a_source_that_blocks(string configuration)
    {
        var machine = MachineFactory.Create(configuration, vcpus: 2);
        using var entered = new ManualResetEventSlim();
        var source = new PatternSource
        {
            Fetching = (_, token) =>
            {
                entered.Set();
                token.WaitHandle.WaitOne();
                token.ThrowIfCancellationRequested();
            },
        };
        machine.AddSlot(default, Own(NativeHostMemory.Create(16, PageFilling.FaultingThread, source)));
        Within(30, () =>
        {
            var failure = default(Exception);
            var runner = new Thread(() => failure = Record.Exception(() => machine.Run(vcpu => vcpu.Load<int>(default), Token)));
            runner.Start();
            entered.Wait();
            machine.Dispose();
            runner.Join();
            Assert.IsAssignableFrom<OperationCanceledException>(failure);
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void A_cancelled_run_ends_and_the_machine_runs_again(string configuration)
    {
        var machine = Own(MachineFactory.Create(configuration, vcpus: 3));
        var memory = Own(NativeHostMemory.Create(16));
        machine.AddSlot(default, memory);
        Within(60, () =>
        {
            for (var round = 0; round < 100; round++)
            {
                using var cancellation = new CancellationTokenSource();
                machine.Write(default, 0);
                var canceller = new Thread(() =>
                {
                    Await(memory, started: 1);
                    cancellation.Cancel();
                });
                canceller.Start();
                Assert.Throws<OperationCanceledException>(() => machine.Run(Spin, cancellation.Token));
                canceller.Join();
                var ran = 0;
                machine.Run(vcpu =>
                {
                    _ = vcpu.Load<int>(default);
                    Interlocked.Increment(ref ran);
                });
                Assert.Equal(3, ran);
            }
        });
        Assert.Throws<OperationCanceledException>(() => machine.Run(Spin, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_cancellation_that_comes_as_the_programs_end_does_not_stop_the_next_run()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu"));
        machine.AddSlot(default, Own(NativeHostMemory.Create(1)));
        Within(60, () =>
        {
            for (var round = 0; round < 300; round++)
            {
                using var cancellation = new CancellationTokenSource();
                using var go = new Barrier(2);
                var canceller = new Thread(() =>
                {
                    go.SignalAndWait();
                    Thread.SpinWait(round * 20);
                    cancellation.Cancel();
                });
                canceller.Start();
                _ = Record.Exception(() => machine.Run(_ => go.SignalAndWait(), cancellation.Token));
                canceller.Join();
                var ran = false;
                machine.Run(vcpu =>
                {
                    _ = vcpu.Load<int>(default);
                    ran = true;
                });
                Assert.True(ran, $"round {round}");
            }
        });
    }

    [Fact]
    public void A_failing_program_stops_the_others_and_reaches_the_caller()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu", vcpus: 3));
        var memory = Own(NativeHostMemory.Create(1));
        machine.AddSlot(default, memory);
        Within(30, () =>
        {
            var failure = Assert.Throws<AggregateException>(() => machine.Run(vcpu =>
            {
                if (vcpu.Index == 1)
                {
                    throw new TimeZoneNotFoundException("a program's own failure");
                }

                Spin(vcpu);
            }, Token));
            Assert.IsType<TimeZoneNotFoundException>(Assert.Single(failure.InnerExceptions));
        });
        machine.Run(static vcpu => vcpu.Store(default, 1), Token);
    }

    [Fact]
    public void A_vcpu_belongs_to_the_thread_that_runs_it()
    {
        var machine = Own(MachineFactory.Create("ept/direct/rcu", vcpus: 2));
        machine.AddSlot(default, Own(NativeHostMemory.Create(1)));
        Assert.Throws<InvalidOperationException>(() => machine.Vcpus[0].Load<int>(default));
        On(machine, vcpu =>
        {
            vcpu.Store(default, 1);
            Assert.Throws<InvalidOperationException>(() => machine.Vcpus[1].Load<int>(default));
            Assert.Throws<InvalidOperationException>(() => machine.Vcpus[0].Run(static _ => { }));
            Assert.Throws<InvalidOperationException>(machine.Dispose);
            Assert.Throws<InvalidOperationException>(() => machine.Run(static _ => { }, Token));
            var elsewhere = default(Exception);
            var thread = new Thread(() => elsewhere = Record.Exception(() => vcpu.Load<int>(default)));
            thread.Start();
            thread.Join();
            Assert.IsType<InvalidOperationException>(elsewhere);

            // One vCPU's thread may run another vCPU meanwhile.
            Assert.Equal(1, On(machine, static other => other.Load<int>(default), vcpu: 1));
        });
    }

    [Theory, MemberData(nameof(MachineFactory.Policies), MemberType = typeof(MachineFactory))]
    public void At_the_limit_page_tables_fail_clearly_and_zapping_frees_them_for_everybody(string configuration)
    {
        // Sixteen tables for two vCPUs whose frames lie so far apart that each needs tables of its own.
        var machine = Own(MachineFactory.Create(configuration, vcpus: 2, tableLimit: 65_536));
        var memory = Own(NativeHostMemory.Create(64));
        for (var index = 0UL; index < 64; index++)
        {
            machine.AddSlot(new Gfn(index << 27).Address, memory, new MemorySlotOptions { MemoryOffset = index * 4096, Length = 4096 });
        }

        var most = new int[2];
        for (var round = 0; round < 6; round++)
        {
            var vcpu = round % 2;
            var mapped = 0;
            Assert.Throws<PageTableLimitException>(() => On(
                machine,
                running =>
                {
                    for (; mapped < 64; mapped++)
                    {
                        running.Store(new Gfn((ulong)mapped << 27).Address, mapped);
                    }
                },
                vcpu));
            Assert.True(mapped >= 2, $"{mapped} frames were mapped in round {round} before the limit was hit");
            Assert.True(round < 2 || mapped == most[vcpu], $"{most[vcpu]} frames fitted before and {mapped} do now");
            most[vcpu] = mapped;
            machine.Mmu.CheckTables();
            machine.Zap(new GfnRange(default, machine.Mmu.FrameLimit.Value));
        }
    }

    private static void Spin(Vcpu vcpu)
    {
        for (var round = 0UL; ; round++)
        {
            vcpu.Store(new Gpa((ulong)vcpu.Index * 128), round + 1);
        }
    }

    private static void Await(NativeHostMemory memory, int started)
    {
        for (var vcpu = 0; vcpu < started; vcpu++)
        {
            while (Volatile.Read(ref memory.Bytes((ulong)vcpu * 128, 1)[0]) == 0)
            {
                Thread.Yield();
            }
        }
    }
}
